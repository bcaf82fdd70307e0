// Takes one part of a payload (header length, JSON header, gzip body), inflates it, and files it in
// the arrays of the whole. A mounted transport keeps its payload alive; viewers hold their own
// reference.

import { registry } from "./registry.js";

const transports = new WeakMap();
const AFTER_FIRST_MS = 50; // slabs leave the way to the slice that is looked at
const LONGEST_WAIT_MS = 2000; // for a viewer whose modules still load

function split(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { header, body: bytes.subarray(4 + length) };
}

async function inflate(body) {
  const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function hold(hash) {
  registry.holders.set(hash, (registry.holders.get(hash) ?? 0) + 1);
}

function release(hash) {
  const left = (registry.holders.get(hash) ?? 0) - 1;
  if (left > 0) {
    registry.holders.set(hash, left);
    return;
  }
  registry.holders.delete(hash);
  registry.payloads.delete(hash);
}

// A payload that is asked for for the first time; `have` holds the slices that are there.
function payloadOf(header) {
  let payload = registry.payloads.get(header.hash);
  if (!payload) {
    const voxels = header.shape.reduce((product, size) => product * size, 1);
    const arrays = Array.from({ length: header.arrays }, () => new Uint8Array(voxels));
    payload = { header, arrays, have: new Set(), asked: new Set() };
    registry.payloads.set(header.hash, payload);
  }
  return payload;
}

const pause = () => new Promise((done) => setTimeout(done, AFTER_FIRST_MS));

async function firstPicture() {
  for (let ms = 0; ms < LONGEST_WAIT_MS && !registry.listeners.size; ms += AFTER_FIRST_MS) {
    await pause();
  }
  await pause();
}

async function file(header, body) {
  const payload = payloadOf(header);
  const part = `${header.first} ${header.count}`;
  if (payload.asked.has(part)) return;
  payload.asked.add(part);
  if (header.count > 1) await firstPicture();
  const bytes = await inflate(body);
  const [, height, width] = header.shape;
  const size = header.count * height * width;
  payload.arrays.forEach((array, i) =>
    array.set(bytes.subarray(i * size, (i + 1) * size), header.first * height * width));
  for (let k = header.first; k < header.first + header.count; k++) payload.have.add(k);
  registry.listeners.forEach((listener) => listener(header.hash));
}

export default function ({ data, parentElement }) {
  const transport = transports.get(parentElement) ?? { hash: null, leaving: 0 };
  transports.set(parentElement, transport);
  clearTimeout(transport.leaving);
  if (data && data.length) {
    const { header, body } = split(data);
    if (transport.hash !== header.hash) {
      hold(header.hash);
      if (transport.hash) release(transport.hash);
      transport.hash = header.hash;
    }
    file(header, body);
  }
  // Streamlit also cleans up between two calls for the same element, so leaving waits a little.
  return () => {
    transport.leaving = setTimeout(() => {
      if (transport.hash) release(transport.hash);
      transport.hash = null;
    }, 2000);
  };
}
