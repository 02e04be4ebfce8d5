// --- all operations of the run: columns of numbers, unpacked once the page is painted. What writes them is
// `operations/columns.rs`. Times are microseconds here.
const WHAT = ["send", "poll", "assign", "subscribe", "txn", "crash", "commit", "committed",
  "rebalance", "acquire", "acknowledge", "clock", "times", "look-up"];
const OUTCOME = ["open", "ok", "fail", "info"];
// The kinds of what an operation wrote, read or was about.
const ITEM = { sent: 0, acknowledged: 1, read: 2, appended: 3, set: 4, held: 5, nothing: 6, chosen: 7 };
// Greater numbers than this are told as this one.
const EXACT_MAX = 2 ** 51 - 1;

const fromBase64 = (text) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return bytes;
};

const inflated = async (bytes) => {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

const reader = (bytes) => {
  let at = 0;
  const number = () => {
    let byte = bytes[at++];
    if (byte < 128) return byte;
    let value = byte & 127;
    let scale = 128;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte >= 128);
    return value;
  };
  const signed = () => {
    const value = number();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  };
  const part = () => {
    const length = number();
    at += length;
    return bytes.subarray(at - length, at);
  };
  const text = () => new TextDecoder().decode(part());
  const list = (one) => Array.from({ length: number() }, one);
  return { number, signed, part, text, list };
};

// A column whose numbers are made one after the other.
const column = (bytes, array, next) => {
  const { number, signed } = reader(bytes);
  for (let at = 0; at < array.length; at += 1) array[at] = next(number, signed, at);
  return array;
};

// Lets the browser answer its user between two columns.
const breath = () => new Promise((resolve) => { setTimeout(resolve, 0); });

const readOperations = async (text) => {
  const input = reader(await inflated(fromBase64(text)));
  const [count, whole, listed] = [input.number(), input.number(), input.number()];
  const topics = input.list(() => ({ name: input.text(), partitions: input.number() }));
  const errors = input.list(input.text);
  const lanes = input.list(() => input.list(input.number));
  const parts = Array.from({ length: 12 }, input.part);
  await breath();
  let last = 0;
  const begin = column(parts[0], new Float64Array(count), (number) => (last += number()));
  const took = column(parts[1], new Float64Array(count), (number) => number() - 1);
  last = 0;
  const id = column(parts[2], new Float64Array(count), (_, signed) => (last += signed() + 1));
  await breath();
  const process = column(parts[3], new Uint32Array(count), (number) => number());
  const what = parts[4].slice();
  const error = column(parts[5], new Uint16Array(count), (number) => number());
  const broker = column(parts[6], new Float64Array(count), (number) => number() - 1);
  last = 0;
  const first = column(parts[7], new Float64Array(count + 1), (number, _, at) => {
    const here = last;
    if (at < count) last += number();
    return here;
  });
  await breath();
  const items = await readItems(parts.slice(8), listed);
  return { count, whole, listed, topics, errors, lanes, begin, took, id, process, what, error, broker, first, ...items };
};

const readItems = async ([kinds, keys, offsets, values], listed) => {
  const kind = kinds.slice();
  const key = column(keys, new Uint32Array(listed), (number) => number());
  await breath();
  // Each partition has a place where it was written last and one where it was read.
  const places = new Map();
  let [known, place] = [-1, null];
  const placeOf = (at) => {
    const name = key[at] * 2 + (kind[at] === ITEM.read ? 1 : 0);
    if (name === known) return place;
    known = name;
    place = places.get(name);
    if (!place) places.set(name, (place = { offset: -1, value: -1 }));
    return place;
  };
  const offset = column(offsets, new Float64Array(listed), (_, signed, at) => {
    if (kind[at] !== ITEM.acknowledged && kind[at] !== ITEM.read) return NaN;
    const before = placeOf(at);
    return (before.offset += signed() + 1);
  });
  await breath();
  const written = { value: 0 };
  const value = column(values, new Float64Array(listed), (_, signed, at) => {
    if (kind[at] >= ITEM.nothing) return NaN;
    const before = kind[at] === ITEM.read ? placeOf(at) : written;
    return (before.value += signed() + 1);
  });
  return { kind, key, offset, value };
};

// Words about operations by their place in the columns.
const describing = (ops) => {
  const keyName = (key) => {
    let rest = key;
    for (const { name, partitions } of ops.topics) {
      if (rest < partitions) return name + "-" + rest;
      rest -= partitions;
    }
    return "key " + key;
  };
  const exact = (number) => (Math.abs(number) >= EXACT_MAX ? "too large to tell: see the history" : String(number));
  const outcome = (at) => OUTCOME[ops.what[at] >> 4];
  const error = (at) => {
    const number = ops.error[at];
    if (!number) return "";
    return ops.errors[number - 1] || "(one of many errors: see the history)";
  };
  const items = (at) => ({ from: Math.min(ops.first[at], ops.listed), to: Math.min(ops.first[at + 1], ops.listed) });
  const f = (at) => WHAT[ops.what[at] & 15];
  const summary = (at) => {
    const { from, to } = items(at);
    const many = ops.first[at + 1] - ops.first[at];
    const where = to > from ? " " + keyName(ops.key[from]) : "";
    const value = to > from && !Number.isNaN(ops.value[from]) ? " value " + exact(ops.value[from]) : "";
    const what = many === 1 ? f(at) + where + value : f(at) + " of " + many + (many ? ", from" + where + " on" : "");
    const why = error(at) ? ": " + error(at) : "";
    return "op " + exact(ops.id[at]) + ", client " + ops.process[at] + "\n" + what + "\n" + outcome(at) + why + "\n" + span(at);
  };
  // Cut off to the millisecond, as everywhere on the page.
  const seconds = (micros) => (Math.floor(micros / 1000) / 1000).toFixed(3) + " s";
  const length = (micros) => (micros < 1000 ? micros + " µs" : micros < 1e6 ? (micros / 1000).toFixed(1) + " ms" : (micros / 1e6).toFixed(2) + " s");
  const span = (at) => (ops.took[at] < 0 ? seconds(ops.begin[at]) + " on, never completed" : seconds(ops.begin[at]) + ", took " + length(ops.took[at]));
  const place = (id) => ops.id.indexOf(id);
  return { keyName, exact, outcome, error, items, f, summary, seconds, length, span, place };
};
