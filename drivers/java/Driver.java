// A driver for Apache Kafka's own client: see docs/drivers.md for the protocol.
//
// It needs nothing but kafka-clients. scripts/java-driver compiles it into driver.jar, which Tribunal ships.

import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.InvalidOffsetException;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.RetriableCommitFailedException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class Driver {
    static final int PROTOCOL = 1;
    /** How long a call of the library may take that the protocol gives no time for. */
    static final String BLOCK_MS = "2000";
    static PrintStream out;
    static final Map<Long, Client> CLIENTS = new ConcurrentHashMap<>();

    public static void main(String[] arguments) throws Exception {
        // Answers alone go to the standard output: whatever logs there by itself goes to the other.
        out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, "UTF-8");
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            Request request;
            try {
                request = new Request(Json.read(line));
            } catch (RuntimeException error) {
                // Nobody can be answered: whoever asked ends it for its silence.
                System.err.println("no request (" + text(error) + "): " + line);
                continue;
            }
            try {
                take(request);
            } catch (RuntimeException error) {
                // Nothing of it was begun.
                request.fail(text(error), "refused");
            }
        }
        // Whoever asked is gone: nothing is to be written for it any more.
        Runtime.getRuntime().halt(0);
    }

    static void take(Request request) {
        if (request.op.equals("ping")) {
            request.ok();
        } else if (request.op.equals("hello")) {
            hello(request);
        } else if (request.op.equals("producer")) {
            CLIENTS.put(request.client(), new ProducerClient());
            run(request);
        } else if (request.op.equals("consumer")) {
            CLIENTS.put(request.client(), new ConsumerClient());
            run(request);
        } else if (request.op.equals("share-consumer")) {
            if (has("org.apache.kafka.clients.consumer.KafkaShareConsumer")) {
                CLIENTS.put(request.client(), new ShareClient());
                run(request);
            } else {
                request.fail("this version of the client has no share consumer", "refused");
            }
        } else {
            run(request);
        }
    }

    static void run(Request request) {
        Client client = CLIENTS.get(request.client());
        if (client == null) {
            request.fail("there is no such client", "refused");
            return;
        }
        client.thread.execute(() -> {
            try {
                client.answer(request);
            } catch (Throwable error) {
                request.info(text(error));
            }
            if (request.op.equals("close") || request.op.equals("discard")) {
                CLIENTS.remove(request.client());
                client.thread.shutdown();
            }
        });
    }

    static void hello(Request request) {
        List<Object> can = new ArrayList<>(List.of("transactions", "groups", "membership", "static-members", "times"));
        if (has("org.apache.kafka.clients.consumer.GroupProtocol")) {
            can.add("consumer-protocol");
        }
        if (has("org.apache.kafka.clients.consumer.KafkaShareConsumer")) {
            can.add("share-groups");
        }
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("protocol", PROTOCOL);
        answer.put("library", "kafka-clients");
        answer.put("version", version());
        answer.put("capabilities", can);
        request.ok(answer);
    }

    static String version() {
        Properties properties = new Properties();
        try (InputStream file = KafkaProducer.class.getResourceAsStream("/kafka/kafka-version.properties")) {
            properties.load(file);
        } catch (java.io.IOException | NullPointerException error) {
            // It does not say.
        }
        return properties.getProperty("version", "unknown");
    }

    static boolean has(String name) {
        try {
            Class.forName(name, false, Driver.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException | LinkageError error) {
            return false;
        }
    }

    static String text(Throwable error) {
        String text = error.getClass().getSimpleName() + ": " + error.getMessage();
        return error.getCause() == null ? text : text + " (" + text(error.getCause()) + ")";
    }

    static byte[] bytes(Object base64) {
        return base64 == null ? null : Base64.getDecoder().decode((String) base64);
    }

    static Object base64(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }

    static TopicPartition partition(Object topic, Object number) {
        return new TopicPartition((String) topic, Math.toIntExact(whole(number)));
    }

    /** A whole number that Java can hold: an error says which is none. */
    static long whole(Object number) {
        if (number instanceof Long) {
            return (Long) number;
        }
        throw new IllegalArgumentException("no whole number below 2^63: " + number);
    }

    /** A request, which is answered once. */
    static final class Request {
        final Map<String, Object> body;
        final String op;

        @SuppressWarnings("unchecked")
        Request(Object body) {
            this.body = (Map<String, Object>) body;
            this.op = (String) this.body.get("op");
        }

        long client() {
            return number("client");
        }

        long number(String name) {
            Object number = body.get(name);
            return number == null ? -1 : whole(number);
        }

        Duration within() {
            return Duration.ofMillis(Math.max(0, number("within")));
        }

        TopicPartition partition() {
            return Driver.partition(body.get("topic"), body.get("partition"));
        }

        @SuppressWarnings("unchecked")
        List<List<Object>> lists(String name) {
            return (List<List<Object>>) body.get(name);
        }

        @SuppressWarnings("unchecked")
        Map<String, Object> settings() {
            Map<String, Object> settings = new HashMap<>((Map<String, Object>) body.get("settings"));
            settings.put("max.block.ms", BLOCK_MS);
            settings.put("enable.metrics.push", "false");
            return settings;
        }

        Map<TopicPartition, OffsetAndMetadata> offsets() {
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            for (List<Object> each : lists("offsets")) {
                long offset = whole(each.get(2));
                offsets.put(Driver.partition(each.get(0), each.get(1)), new OffsetAndMetadata(offset));
            }
            return offsets;
        }

        void ok() {
            ok(new LinkedHashMap<>());
        }

        void ok(Map<String, Object> answer) {
            say("ok", answer);
        }

        void fail(String error, String advice) {
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("error", error);
            answer.put("advice", advice);
            say("fail", answer);
        }

        void info(String error) {
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("error", error);
            say("info", answer);
        }

        void say(String type, Map<String, Object> answer) {
            answer.put("id", body.get("id"));
            answer.put("type", type);
            String line = Json.write(answer);
            synchronized (out) {
                out.println(line);
                out.flush();
            }
        }
    }

    /** A client of the library, on a thread of its own. */
    abstract static class Client {
        final ExecutorService thread = Executors.newSingleThreadExecutor(run -> {
            Thread thread = new Thread(run);
            thread.setDaemon(true);
            return thread;
        });

        abstract void answer(Request request) throws Exception;
    }

    /** Whether the client is of no further use. */
    static boolean isFatal(Throwable error) {
        return error instanceof ProducerFencedException
                || error instanceof InvalidProducerEpochException
                || error instanceof FencedInstanceIdException
                || error instanceof AuthorizationException
                || error instanceof UnsupportedVersionException;
    }

    static final class ProducerClient extends Client {
        private KafkaProducer<byte[], byte[]> producer;
        private boolean isTransactional;
        private InFlight inFlight;
        /** After which time a record is given up, in nanoseconds. */
        private long expiry;
        /** Whether nothing more is to be written once a record was given up. */
        private boolean endsWithFailure;

        @Override
        void answer(Request request) {
            switch (request.op) {
                case "producer":
                    Map<String, Object> settings = request.settings();
                    isTransactional = settings.containsKey("transactional.id");
                    producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
                    inFlight = new InFlight(producer);
                    expiry = expiry(settings);
                    endsWithFailure = Boolean.TRUE.equals(request.body.get("ends-with-failure"));
                    request.ok();
                    break;
                case "send":
                    send(request);
                    break;
                case "warm":
                    for (Object topic : (List<?>) request.body.get("topics")) {
                        inFlight.look(producer.partitionsFor((String) topic));
                    }
                    request.ok();
                    break;
                case "init":
                    call(request, producer::initTransactions);
                    break;
                case "begin":
                    call(request, producer::beginTransaction);
                    break;
                case "commit":
                    call(request, producer::commitTransaction);
                    break;
                case "abort":
                    call(request, producer::abortTransaction);
                    break;
                case "send-offsets":
                    ConsumerGroupMetadata member = member(request);
                    if (member == null) {
                        request.fail("the consumer is that member no more", "abort");
                    } else {
                        call(request, () -> producer.sendOffsetsToTransaction(request.offsets(), member));
                    }
                    break;
                case "close":
                case "discard":
                    // At once: what is open is given up, and a transaction is left as it is.
                    producer.close(Duration.ZERO);
                    request.ok();
                    break;
                default:
                    request.fail("a producer knows no " + request.op, "refused");
            }
        }

        /** The member that the request speaks of, as its consumer last said. */
        private static ConsumerGroupMetadata member(Request request) {
            Client client = CLIENTS.get(request.number("consumer"));
            ConsumerGroupMetadata member = client instanceof ConsumerClient ? ((ConsumerClient) client).member : null;
            boolean isIt = member != null
                    && member.memberId().equals(request.body.get("member"))
                    && member.generationId() == request.number("generation");
            return isIt ? member : null;
        }

        private void send(Request request) {
            Long timestamp = request.body.get("timestamp") == null ? null : request.number("timestamp");
            TopicPartition to = request.partition();
            ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
                    to.topic(),
                    to.partition(),
                    timestamp,
                    bytes(request.body.get("key")),
                    bytes(request.body.get("value")));
            if (request.body.get("headers") != null) {
                for (List<Object> header : request.lists("headers")) {
                    record.headers().add((String) header.get(0), bytes(header.get(1)));
                }
            }
            // A callback within the call is of a record that was never taken over.
            Thread caller = Thread.currentThread();
            boolean[] isCalling = {true};
            long begun = System.nanoTime();
            try {
                producer.send(record, (metadata, error) -> {
                    boolean isEarly = isCalling[0] && Thread.currentThread() == caller;
                    Map<String, Object> answer = new LinkedHashMap<>();
                    if (!isEarly) {
                        inFlight.tell(answer);
                    }
                    if (error == null) {
                        if (metadata.hasOffset()) {
                            answer.put("offset", metadata.offset());
                            answer.put("timestamp", metadata.hasTimestamp() ? metadata.timestamp() : null);
                        }
                        request.ok(answer);
                    } else {
                        if (!isEarly && System.nanoTime() - begun >= expiry) {
                            answer.put("expired", true);
                        }
                        notWritten(request, answer, error, isEarly);
                    }
                });
            } catch (SerializationException error) {
                request.fail(text(error), "refused");
            } catch (RuntimeException error) {
                notWritten(request, new LinkedHashMap<>(), error, false);
            } finally {
                isCalling[0] = false;
            }
        }

        /** The library does not say whether a record that it gave up was ever sent: it certainly was not only in few cases. */
        private void notWritten(Request request, Map<String, Object> answer, Exception error, boolean isEarly) {
            boolean isCertain = error instanceof RecordTooLargeException || isEarly && error instanceof TimeoutException;
            answer.put("error", text(error));
            if (isFatal(error) || isTransactional && error instanceof OutOfOrderSequenceException) {
                answer.put("fatal", text(error));
            } else if (endsWithFailure && !isCertain) {
                // Within the callback: once that is over the library may send what it had under way again, as something new.
                producer.close(Duration.ZERO);
                answer.put("fatal", "it gave a record up");
            }
            request.say(isCertain ? "fail" : "info", answer);
        }

        private static long expiry(Map<String, Object> settings) {
            Object millis = settings.get("delivery.timeout.ms");
            return Duration.ofMillis(millis == null ? 120_000 : Long.parseLong((String) millis)).toNanos();
        }

        private void call(Request request, Runnable call) {
            try {
                call.run();
                request.ok();
            } catch (TimeoutException | InterruptException error) {
                request.fail(text(error), "again");
            } catch (KafkaException error) {
                boolean isLost = isFatal(error) || error.getCause() != null && isFatal(error.getCause());
                boolean isInit = request.op.equals("init");
                String advice = isLost ? "discard" : isInit ? (error instanceof RetriableException ? "again" : "discard") : "abort";
                request.fail(text(error), request.op.equals("abort") ? "discard" : advice);
            } catch (IllegalStateException error) {
                request.fail(text(error), "discard");
            }
        }
    }

    /**
     * How many requests a producer has under way at one broker: its metrics tell the sum of all alone, so the library's own count is
     * looked up, where this version has it by that name. To be asked by the library's thread, in callbacks.
     */
    static final class InFlight {
        private final Object network;
        private final java.lang.reflect.Method count;
        private final Set<String> nodes = ConcurrentHashMap.newKeySet();
        /** The most so far. */
        private int most;

        InFlight(KafkaProducer<?, ?> producer) {
            Object found = null;
            java.lang.reflect.Method method = null;
            try {
                found = field(field(producer, "sender"), "client");
                method = Class.forName("org.apache.kafka.clients.KafkaClient").getMethod("inFlightRequestCount", String.class);
            } catch (ReflectiveOperationException | RuntimeException error) {
                System.err.println("requests under way cannot be counted: " + text(error));
            }
            network = found;
            count = method;
        }

        private static Object field(Object of, String name) throws ReflectiveOperationException {
            java.lang.reflect.Field field = of.getClass().getDeclaredField(name);
            field.setAccessible(true);
            return field.get(of);
        }

        void look(List<org.apache.kafka.common.PartitionInfo> partitions) {
            for (org.apache.kafka.common.PartitionInfo partition : partitions) {
                for (org.apache.kafka.common.Node node : partition.replicas()) {
                    nodes.add(node.idString());
                }
            }
        }

        /** Says how many, where they are more than ever. */
        void tell(Map<String, Object> answer) {
            if (count == null) {
                return;
            }
            int before = most;
            try {
                for (String node : nodes) {
                    most = Math.max(most, (Integer) count.invoke(network, node));
                }
            } catch (ReflectiveOperationException | RuntimeException error) {
                return;
            }
            if (most > before) {
                answer.put("in-flight", most);
            }
        }
    }

    /** A record as the protocol has it. */
    static Map<String, Object> record(ConsumerRecord<byte[], byte[]> record) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("topic", record.topic());
        answer.put("partition", record.partition());
        answer.put("offset", record.offset());
        answer.put("timestamp", record.timestamp());
        answer.put("key", base64(record.key()));
        answer.put("value", base64(record.value()));
        List<Object> headers = new ArrayList<>();
        for (Header header : record.headers()) {
            headers.add(List.of(header.key(), base64(header.value() == null ? new byte[0] : header.value())));
        }
        if (!headers.isEmpty()) {
            answer.put("headers", headers);
        }
        return answer;
    }

    static final class ConsumerClient extends Client implements ConsumerRebalanceListener {
        private KafkaConsumer<byte[], byte[]> consumer;
        /** Read, and not handed out yet. */
        private final Deque<ConsumerRecord<byte[], byte[]>> ready = new ArrayDeque<>();
        private List<Object> rebalances = new ArrayList<>();
        /** Which member it is, as it last said. */
        private volatile ConsumerGroupMetadata member;

        @Override
        void answer(Request request) throws Exception {
            Map<String, Object> answer = new LinkedHashMap<>();
            try {
                ask(request, answer);
            } catch (InvalidOffsetException error) {
                answer.put("lost", text(error));
            } catch (CommitFailedException | FencedInstanceIdException | RebalanceInProgressException error) {
                // Who is fenced hears so at each poll from then on.
                refuse(request, error, request.op.equals("poll") ? "discard" : "refused");
                return;
            } catch (RetriableCommitFailedException error) {
                refuse(request, error, "again");
                return;
            } catch (TimeoutException error) {
                refuse(request, error, request.op.equals("commit-offsets") ? "discard" : "again");
                return;
            } catch (KafkaException | IllegalStateException | IllegalArgumentException error) {
                refuse(request, error, "discard");
                return;
            }
            tell(answer);
            request.ok(answer);
        }

        private void refuse(Request request, Exception error, String advice) {
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("error", text(error));
            answer.put("advice", advice);
            tell(answer);
            request.say("fail", answer);
        }

        private void tell(Map<String, Object> answer) {
            if (!rebalances.isEmpty()) {
                answer.put("rebalances", rebalances);
                rebalances = new ArrayList<>();
            }
        }

        private void ask(Request request, Map<String, Object> answer) throws Exception {
            switch (request.op) {
                case "consumer":
                    consumer = new KafkaConsumer<>(
                            consumerSettings(request), new ByteArrayDeserializer(), new ByteArrayDeserializer());
                    break;
                case "assign":
                    assign(request);
                    break;
                case "subscribe":
                    consumer.subscribe(topics(request), this);
                    break;
                case "poll":
                    answer.put("records", poll(request));
                    break;
                case "membership":
                    member = consumer.groupMetadata();
                    answer.put("member", member.memberId());
                    answer.put("generation", member.generationId());
                    break;
                case "commit-offsets":
                    if (request.within().isZero()) {
                        consumer.commitAsync(request.offsets(), null);
                    } else {
                        consumer.commitSync(request.offsets(), request.within());
                    }
                    break;
                case "committed":
                    answer.put("offsets", committed(request));
                    break;
                case "ends":
                    Set<TopicPartition> of = Set.of(request.partition());
                    answer.put("start", consumer.beginningOffsets(of, request.within()).values().iterator().next());
                    answer.put("end", consumer.endOffsets(of, request.within()).values().iterator().next());
                    break;
                case "at-time":
                    Map<TopicPartition, Long> at = Map.of(request.partition(), request.number("timestamp"));
                    OffsetAndTimestamp found = consumer.offsetsForTimes(at, request.within()).get(request.partition());
                    answer.put("offset", found == null ? null : found.offset());
                    break;
                case "close":
                    consumer.close(Duration.ofSeconds(5));
                    break;
                case "discard":
                    discard();
                    break;
                default:
                    throw new IllegalArgumentException("a consumer knows no " + request.op);
            }
        }

        private Map<String, Object> consumerSettings(Request request) {
            Map<String, Object> settings = request.settings();
            settings.put("default.api.timeout.ms", BLOCK_MS);
            settings.put("allow.auto.create.topics", "false");
            Object assignor = settings.get("partition.assignment.strategy");
            if (assignor != null) {
                List<String> names = new ArrayList<>();
                for (String name : ((String) assignor).split(",")) {
                    names.add(assignor(name));
                }
                settings.put("partition.assignment.strategy", names);
            }
            // The default is the classic one, and clients before 3.7 know no other.
            if ("classic".equals(settings.get("group.protocol"))) {
                settings.remove("group.protocol");
            }
            // A call may take no longer than a request, and no less.
            settings.put("default.api.timeout.ms", String.valueOf(Math.max(
                    Long.parseLong(BLOCK_MS), Long.parseLong((String) settings.get("request.timeout.ms")))));
            return settings;
        }

        private static String assignor(String name) {
            String of = "org.apache.kafka.clients.consumer.";
            switch (name) {
                case "range":
                    return of + "RangeAssignor";
                case "roundrobin":
                    return of + "RoundRobinAssignor";
                case "cooperative-sticky":
                    return of + "CooperativeStickyAssignor";
                default:
                    return of + "StickyAssignor";
            }
        }

        private void assign(Request request) {
            Map<TopicPartition, Long> positions = new HashMap<>();
            for (List<Object> each : request.lists("positions")) {
                positions.put(Driver.partition(each.get(0), each.get(1)), whole(each.get(2)));
            }
            ready.clear();
            consumer.assign(positions.keySet());
            positions.forEach(consumer::seek);
        }

        private List<Object> poll(Request request) {
            if (ready.isEmpty()) {
                consumer.poll(request.within()).forEach(ready::add);
            }
            List<Object> records = new ArrayList<>();
            long most = request.number("most");
            while (!ready.isEmpty() && records.size() < most) {
                records.add(record(ready.poll()));
            }
            return records;
        }

        private List<Object> committed(Request request) {
            Set<TopicPartition> partitions = new java.util.HashSet<>();
            for (List<Object> each : request.lists("partitions")) {
                partitions.add(Driver.partition(each.get(0), each.get(1)));
            }
            Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(partitions, request.within());
            List<Object> offsets = new ArrayList<>();
            for (TopicPartition each : partitions) {
                List<Object> offset = new ArrayList<>(List.of(each.topic(), each.partition()));
                offset.add(committed.get(each) == null ? null : committed.get(each).offset());
                offsets.add(offset);
            }
            return offsets;
        }

        /** Ends without a word to the group, where this version of the client can. */
        private void discard() throws Exception {
            try {
                Class<?> options = Class.forName("org.apache.kafka.clients.consumer.CloseOptions");
                Class<?> words = Class.forName("org.apache.kafka.clients.consumer.CloseOptions$GroupMembershipOperation");
                Object remain = words.getMethod("valueOf", String.class).invoke(null, "REMAIN_IN_GROUP");
                Object how = options.getMethod("groupMembershipOperation", words).invoke(null, remain);
                how = options.getMethod("withTimeout", Duration.class).invoke(how, Duration.ZERO);
                consumer.getClass().getMethod("close", options).invoke(consumer, how);
            } catch (ClassNotFoundException | NoSuchMethodException error) {
                consumer.close(Duration.ZERO);
            }
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            note("given", partitions);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            note("revoked", partitions);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            note("lost", partitions);
        }

        private void note(String change, Collection<TopicPartition> partitions) {
            List<Object> all = new ArrayList<>();
            partitions.forEach(each -> all.add(List.of(each.topic(), each.partition())));
            Map<String, Object> rebalance = new LinkedHashMap<>();
            rebalance.put("change", change);
            rebalance.put("partitions", all);
            rebalance.put("member", consumer.groupMetadata().memberId());
            rebalance.put("generation", consumer.groupMetadata().generationId());
            rebalances.add(rebalance);
        }
    }

    static List<String> topics(Request request) {
        List<String> topics = new ArrayList<>();
        ((List<?>) request.body.get("topics")).forEach(topic -> topics.add((String) topic));
        return topics;
    }

    /** A member of a share group. Only here is the class named, which older clients do not have. */
    static final class ShareClient extends Client {
        private org.apache.kafka.clients.consumer.KafkaShareConsumer<byte[], byte[]> consumer;
        /** What was acquired and not yet acknowledged. */
        private final Map<List<Object>, ConsumerRecord<byte[], byte[]>> acquired = new HashMap<>();

        @Override
        void answer(Request request) {
            Map<String, Object> answer = new LinkedHashMap<>();
            try {
                ask(request, answer);
                request.ok(answer);
            } catch (KafkaException | IllegalStateException error) {
                request.fail(text(error), "discard");
            }
        }

        private void ask(Request request, Map<String, Object> answer) {
            switch (request.op) {
                case "share-consumer":
                    Map<String, Object> settings = request.settings();
                    settings.put("share.acknowledgement.mode", "explicit");
                    settings.put("default.api.timeout.ms", "5000");
                    Object reset = settings.remove("share.auto.offset.reset");
                    if (reset != null) {
                        resetOfGroup(settings, (String) reset);
                    }
                    consumer = new org.apache.kafka.clients.consumer.KafkaShareConsumer<>(
                            settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                    break;
                case "subscribe":
                    consumer.subscribe(topics(request));
                    break;
                case "poll":
                    List<Object> records = new ArrayList<>();
                    consumer.poll(request.within()).forEach(record -> {
                        acquired.put(List.of(record.topic(), record.partition(), record.offset()), record);
                        Map<String, Object> each = record(record);
                        record.deliveryCount().ifPresent(count -> each.put("deliveries", count));
                        records.add(each);
                    });
                    answer.put("records", records);
                    break;
                case "acknowledge":
                    answer.put("results", acknowledge(request));
                    break;
                case "close":
                    consumer.close(Duration.ofSeconds(5));
                    break;
                case "discard":
                    consumer.close(Duration.ZERO);
                    break;
                default:
                    throw new IllegalStateException("a share consumer knows no " + request.op);
            }
        }

        /** Where a share group begins is a setting of the group, which its members cannot give it. */
        private static void resetOfGroup(Map<String, Object> settings, String reset) {
            org.apache.kafka.common.config.ConfigResource group = new org.apache.kafka.common.config.ConfigResource(
                    org.apache.kafka.common.config.ConfigResource.Type.GROUP, (String) settings.get("group.id"));
            org.apache.kafka.clients.admin.AlterConfigOp set = new org.apache.kafka.clients.admin.AlterConfigOp(
                    new org.apache.kafka.clients.admin.ConfigEntry("share.auto.offset.reset", reset),
                    org.apache.kafka.clients.admin.AlterConfigOp.OpType.SET);
            Map<String, Object> ours = new HashMap<>(settings);
            ours.remove("group.id");
            ours.remove("share.acknowledgement.mode");
            try (org.apache.kafka.clients.admin.Admin admin = org.apache.kafka.clients.admin.Admin.create(ours)) {
                admin.incrementalAlterConfigs(Map.of(group, List.of(set))).all()
                        .get(5, java.util.concurrent.TimeUnit.SECONDS);
            } catch (InterruptedException | java.util.concurrent.ExecutionException
                    | java.util.concurrent.TimeoutException error) {
                throw new KafkaException("cannot set share.auto.offset.reset of the group", error);
            }
        }

        private List<Object> acknowledge(Request request) {
            List<Object> results = new ArrayList<>();
            Map<TopicPartition, List<Integer>> told = new HashMap<>();
            for (List<Object> each : request.lists("records")) {
                TopicPartition partition = Driver.partition(each.get(0), each.get(1));
                long offset = whole(each.get(2));
                ConsumerRecord<byte[], byte[]> record = acquired.remove(List.of(partition.topic(), partition.partition(), offset));
                results.add(null);
                if (record == null) {
                    results.set(results.size() - 1, result("fail", "it is not acquired"));
                    continue;
                }
                try {
                    String how = ((String) each.get(3)).toUpperCase(java.util.Locale.ROOT);
                    consumer.acknowledge(record, org.apache.kafka.clients.consumer.AcknowledgeType.valueOf(how));
                    told.computeIfAbsent(partition, key -> new ArrayList<>()).add(results.size() - 1);
                } catch (IllegalStateException error) {
                    results.set(results.size() - 1, result("fail", text(error)));
                }
            }
            if (told.isEmpty()) {
                return results;
            }
            // A partition that is missing in the answer was not spoken of: nobody knows.
            Map<TopicPartition, Object> answers = new HashMap<>();
            String missing = "no answer within " + request.within();
            try {
                consumer.commitSync(request.within()).forEach((partition, error) -> {
                    Object result = error.isEmpty() ? "ok" : result(certainly(error.get()), text(error.get()));
                    answers.put(new TopicPartition(partition.topic(), partition.partition()), result);
                });
            } catch (KafkaException error) {
                missing = text(error);
            }
            for (Map.Entry<TopicPartition, List<Integer>> each : told.entrySet()) {
                Object answer = answers.getOrDefault(each.getKey(), result("info", missing));
                each.getValue().forEach(place -> results.set(place, "ok".equals(answer) ? null : answer));
            }
            return results;
        }

        /** The broker's word that a record is no longer the member's is certain: the acknowledgement did nothing. */
        private static String certainly(KafkaException error) {
            return error.getClass().getSimpleName().equals("InvalidRecordStateException") ? "fail" : "info";
        }

        private static Map<String, Object> result(String type, String error) {
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("type", type);
            result.put("error", error);
            return result;
        }
    }

    /** JSON, as much of it as the protocol needs. */
    static final class Json {
        private final String text;
        private int at;

        private Json(String text) {
            this.text = text;
        }

        static Object read(String text) {
            return new Json(text).value();
        }

        private char next() {
            while (Character.isWhitespace(text.charAt(at))) {
                at++;
            }
            return text.charAt(at);
        }

        private boolean passes(char one) {
            boolean is = next() == one;
            at += is ? 1 : 0;
            return is;
        }

        private Object value() {
            char first = next();
            if (first == '"') {
                return string();
            } else if (first == '{') {
                Map<String, Object> map = new LinkedHashMap<>();
                at++;
                while (!passes('}')) {
                    next();
                    String name = string();
                    passes(':');
                    map.put(name, value());
                    passes(',');
                }
                return map;
            } else if (first == '[') {
                List<Object> list = new ArrayList<>();
                at++;
                while (!passes(']')) {
                    list.add(value());
                    passes(',');
                }
                return list;
            }
            int from = at;
            while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) {
                at++;
            }
            String word = text.substring(from, at);
            switch (word) {
                case "null":
                    return null;
                case "true":
                case "false":
                    return Boolean.valueOf(word);
                default:
                    return number(word);
            }
        }

        /** A number that is greater than it may be, or no whole one, is an error only where it is asked for. */
        private static Number number(String word) {
            try {
                return Long.valueOf(word);
            } catch (NumberFormatException error) {
                return new java.math.BigDecimal(word);
            }
        }

        private String string() {
            StringBuilder read = new StringBuilder();
            for (at++; text.charAt(at) != '"'; at++) {
                char one = text.charAt(at);
                if (one != '\\') {
                    read.append(one);
                    continue;
                }
                one = text.charAt(++at);
                if (one == 'u') {
                    read.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                    at += 4;
                } else {
                    int place = "bfnrt".indexOf(one);
                    read.append(place < 0 ? one : "\b\f\n\r\t".charAt(place));
                }
            }
            at++;
            return read.toString();
        }

        static String write(Object value) {
            StringBuilder written = new StringBuilder();
            write(value, written);
            return written.toString();
        }

        private static void write(Object value, StringBuilder written) {
            if (value instanceof Map) {
                String before = "{";
                for (Map.Entry<?, ?> each : ((Map<?, ?>) value).entrySet()) {
                    written.append(before);
                    write(each.getKey(), written);
                    written.append(':');
                    write(each.getValue(), written);
                    before = ",";
                }
                written.append(before.equals("{") ? "{}" : "}");
            } else if (value instanceof List) {
                String before = "[";
                for (Object each : (List<?>) value) {
                    written.append(before);
                    write(each, written);
                    before = ",";
                }
                written.append(before.equals("[") ? "[]" : "]");
            } else if (value instanceof String) {
                written.append('"');
                for (char one : ((String) value).toCharArray()) {
                    if (one == '"' || one == '\\') {
                        written.append('\\').append(one);
                    } else if (one < ' ') {
                        written.append(String.format("\\u%04x", (int) one));
                    } else {
                        written.append(one);
                    }
                }
                written.append('"');
            } else {
                written.append(value);
            }
        }
    }
}
