"""A driver for confluent-kafka, and an example of the driver protocol: see docs/drivers.md.

Each client has a thread and a queue of requests; the main thread reads requests and hands them out.
"""
import base64, json, queue, sys, threading, time
import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

PROTOCOL = 1
LOST = {KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION}
# What only one of the two languages' settings has, or calls otherwise.
RENAMED = {"metadata.max.age.ms": "topic.metadata.refresh.interval.ms", "fetch.max.wait.ms": "fetch.wait.max.ms"}
clients, writing = {}, threading.Lock()


def say(request, kind="ok", **answer):
    with writing:
        sys.stdout.write(json.dumps({"id": request["id"], "type": kind, **answer}) + "\n")
        sys.stdout.flush()


def refuse(request, error, **more):
    """An error says of itself what to do about it; where it does not, nobody knows what came of the call."""
    error = error.args[0] if isinstance(error, KafkaException) else error
    known = isinstance(error, KafkaError)
    advice = "discard"
    if known and not error.fatal():
        advice = "abort" if error.txn_requires_abort() else "again" if error.retriable() else "discard"
    if known and error.fatal():
        more["fatal"] = str(error)
    say(request, "fail", error=str(error), advice=advice, **more)


def settings(request, **more):
    given = {RENAMED.get(name, name): value for name, value in request["settings"].items()}
    given.update({"broker.address.family": "v4", "enable.metrics.push": "false", "socket.nagle.disable": "true"})
    given["socket.timeout.ms"] = given["request.timeout.ms"]
    return {**given, **more}


def encode(value):
    return None if value is None else base64.b64encode(value).decode()


def decode(text):
    return None if text is None else base64.b64decode(text)


def partitions(lists):
    return [TopicPartition(*each) for each in lists]


class Writer:
    """A producer. Between requests it takes the reports that there are."""
    idle = 0.005

    def __init__(self, request):
        self.most, self.told, self.ends = 0, 0, request.get("ends-with-failure", False)
        self.producer = Producer(settings(request, stats_cb=self.look, **{"statistics.interval.ms": 50}))
        say(request)

    def look(self, statistics):
        """How many requests are under way at one broker, the most so far."""
        brokers = json.loads(statistics)["brokers"].values()
        self.most = max([self.most, *(broker["waitresp_cnt"] for broker in brokers)])

    def rest(self):
        self.producer.poll(0)

    def report(self, request, error, message):
        more = {"in-flight": self.most} if self.most > self.told else {}
        self.told = self.most
        if error is None:
            offset = message.offset() if message.offset() >= 0 else None
            return say(request, offset=offset, timestamp=message.timestamp()[1], **more)
        # Whether it was ever sent this library does not tell.
        certain = error.code() == KafkaError.MSG_SIZE_TOO_LARGE
        if error.code() == KafkaError._MSG_TIMED_OUT:
            more["expired"] = True
        if error.fatal() or self.ends and not certain:
            more["fatal"] = str(error)
        say(request, "fail" if certain else "info", error=str(error), **more)

    def send(self, request):
        given = {name: request[name] for name in ("timestamp",) if name in request}
        if "headers" in request:
            given["headers"] = [(name, decode(value)) for name, value in request["headers"]]
        try:
            self.producer.produce(
                request["topic"], decode(request["value"]), decode(request.get("key")), request["partition"],
                on_delivery=lambda error, message: self.report(request, error, message), **given)
        except (BufferError, KafkaException) as error:
            # It was not even taken over.
            say(request, "fail", error=str(error), advice="refused")

    def warm(self, request):
        for topic in request["topics"]:
            self.producer.list_topics(topic, request["within"] / 1000)
        say(request)

    def init(self, request):
        self.producer.init_transactions(request["within"] / 1000)
        say(request)

    def begin(self, request):
        self.producer.begin_transaction()
        say(request)

    def commit(self, request):
        self.producer.commit_transaction(request["within"] / 1000)
        say(request)

    def abort(self, request):
        self.producer.abort_transaction(request["within"] / 1000)
        say(request)

    def discard(self, request):
        self.producer.purge()
        say(request)


class Reader:
    """A consumer, by assignment or in a group."""
    idle = None

    def __init__(self, request):
        given = settings(request)
        given.setdefault("group.id", "tribunal")
        if given["auto.offset.reset"] == "none":
            given["auto.offset.reset"] = "error"
        self.consumer, self.rebalances = Consumer(given), []
        say(request)

    def note(self, change):
        def noted(consumer, moved):
            self.rebalances.append({
                "change": change, "partitions": [[each.topic, each.partition] for each in moved],
                "member": consumer.memberid() or "", "generation": -1})
        return noted

    def moved(self):
        moved, self.rebalances = self.rebalances, []
        return {"rebalances": moved} if moved else {}

    def assign(self, request):
        self.consumer.assign(partitions(request["positions"]))
        say(request)

    def subscribe(self, request):
        self.consumer.subscribe(request["topics"], on_assign=self.note("given"), on_revoke=self.note("revoked"),
                                on_lost=self.note("lost"))
        say(request)

    def poll(self, request):
        records, lost, until = [], {}, time.monotonic() + request["within"] / 1000
        wait = request["within"] / 1000
        while len(records) < request["most"]:
            message = self.consumer.poll(wait)
            if message is not None and message.error() is None:
                records.append(self.record(message))
            elif message is not None and (message.error().code() in LOST or message.error().fatal()):
                lost = {"lost": str(message.error())}
                break
            elif message is None and (records or time.monotonic() >= until):
                break
            # What else lies ready is taken along.
            wait = 0 if records else max(0, until - time.monotonic())
        say(request, records=records, **lost, **self.moved())

    @staticmethod
    def record(message):
        headers = [[name, encode(value)] for name, value in message.headers() or []]
        return {"topic": message.topic(), "partition": message.partition(), "offset": message.offset(),
                "timestamp": message.timestamp()[1], "key": encode(message.key()), "value": encode(message.value()),
                **({"headers": headers} if headers else {})}

    def commit_offsets(self, request):
        self.consumer.commit(offsets=partitions(request["offsets"]), asynchronous=request["within"] == 0)
        say(request, **self.moved())

    def committed(self, request):
        answer = self.consumer.committed(partitions(request["partitions"]), request["within"] / 1000)
        say(request, offsets=[[each.topic, each.partition, each.offset if each.offset >= 0 else None]
                              for each in answer])

    def ends(self, request):
        partition = TopicPartition(request["topic"], request["partition"])
        start, end = self.consumer.get_watermark_offsets(partition, request["within"] / 1000)
        say(request, start=start, end=end)

    def at_time(self, request):
        asked = TopicPartition(request["topic"], request["partition"], request["timestamp"])
        [found] = self.consumer.offsets_for_times([asked], request["within"] / 1000)
        say(request, offset=found.offset if found.offset >= 0 else None)

    def close(self, request):
        self.consumer.close()
        say(request)

    def discard(self, request):
        # A consumer that is let go without being closed tells its group nothing.
        del self.consumer
        say(request)


def work(requests):
    client = None
    while True:
        try:
            request = requests.get(timeout=client and client.idle)
        except queue.Empty:
            client.rest()
            continue
        try:
            if request["op"] in ("producer", "consumer"):
                client = (Writer if request["op"] == "producer" else Reader)(request)
            else:
                getattr(client, request["op"].replace("-", "_"))(request)
        except KafkaException as error:
            refuse(request, error)
        except Exception as error:
            say(request, "info", error=repr(error))
        if request["op"] in ("close", "discard"):
            return


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "hello":
            say(request, protocol=PROTOCOL, library="confluent-kafka", version=confluent_kafka.__version__,
                capabilities=["transactions", "groups", "consumer-protocol", "static-members", "times"])
        elif request["op"] == "ping":
            say(request)
        elif request["op"] == "share-consumer":
            say(request, "fail", error="this library has no share consumer", advice="refused")
        else:
            if request["op"] in ("producer", "consumer"):
                clients[request["client"]] = queue.Queue()
                threading.Thread(target=work, args=[clients[request["client"]]], daemon=True).start()
            clients[request["client"]].put(request)


main()
