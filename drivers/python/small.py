"""The least driver: a producer and a consumer by assignment, with confluent-kafka."""
import base64, json, queue, sys, threading
from confluent_kafka import Consumer, Producer, TopicPartition

RENAMED = {"fetch.max.wait.ms": "fetch.wait.max.ms", "metadata.max.age.ms": "topic.metadata.refresh.interval.ms"}
clients, writing = {}, threading.Lock()


def say(request, kind="ok", **answer):
    with writing:
        print(json.dumps({"id": request["id"], "type": kind, **answer}), flush=True)


def settings(request):
    given = {RENAMED.get(name, name): value for name, value in request["settings"].items()}
    if given.get("auto.offset.reset") == "none":
        given.update({"auto.offset.reset": "error", "group.id": "small"})
    return given


def write(producer, request):
    def report(error, message):
        if error is None and message.offset() >= 0:
            say(request, offset=message.offset(), timestamp=message.timestamp()[1])
        else:
            # This library does not tell whether the record was ever sent.
            say(request, "info", error=str(error))
    try:
        producer.produce(request["topic"], base64.b64decode(request["value"]),
                         partition=request["partition"], on_delivery=report)
    except BufferError as error:
        say(request, "fail", error=str(error))


def read(consumer, request):
    messages = consumer.consume(request["most"], request["within"] / 1000)
    records, lost = [], None
    for message in messages:
        if message.error():
            lost = str(message.error()) if "OFFSET" in message.error().name() else lost
        else:
            records.append({
                "topic": message.topic(), "partition": message.partition(), "offset": message.offset(),
                "timestamp": message.timestamp()[1], "value": base64.b64encode(message.value() or b"").decode()})
    say(request, records=records, lost=lost)


def ends(consumer, request):
    partition = TopicPartition(request["topic"], request["partition"])
    start, end = consumer.get_watermark_offsets(partition, request["within"] / 1000)
    say(request, start=start, end=end)


def work(requests):
    client = None
    while True:
        try:
            request = requests.get(timeout=0.01)
            op = request["op"]
            if op == "send":
                write(client, request)
            elif op == "poll":
                read(client, request)
            elif op == "ends":
                ends(client, request)
            else:
                if op in ("producer", "consumer"):
                    client = (Producer if op == "producer" else Consumer)(settings(request))
                elif op == "assign":
                    client.assign([TopicPartition(*each) for each in request["positions"]])
                say(request)
                if op in ("close", "discard"):
                    return
        except queue.Empty:
            pass
        except Exception as error:
            say(request, "info", error=repr(error))
        if isinstance(client, Producer):
            client.poll(0)


for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "hello":
        say(request, protocol=1, library="confluent-kafka", version="small", capabilities=[])
    elif request["op"] == "ping":
        say(request)
    else:
        if request["op"] in ("producer", "consumer"):
            clients[request["client"]] = queue.Queue()
            threading.Thread(target=work, args=[clients[request["client"]]], daemon=True).start()
        clients[request["client"]].put(request)
