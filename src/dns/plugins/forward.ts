/**
 * Asks other resolvers: UDP first, TCP when the answer was cut short, the next resolver when one does not answer in time.
 *
 * Each question has a socket and id of its own, so that a forged answer must guess both. Never forwards to itself.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { decode, encode, RECURSION_DESIRED, type DecodedPacket, type Packet } from 'dns-packet';
import type { Clock } from '#base/clock';
import type { Random } from '#base/random';
import type { DnsPlugin, DnsQuestion, DnsReply, ResponseCode } from '../plugin.ts';

const ATTEMPT_TIMEOUT_MS = 2_000;
const CONCURRENT_MAX = 1_000;
const EDNS_PAYLOAD_BYTES = 1_232;
const TCP_MESSAGE_BYTES_MAX = 65_535;

export interface Upstream { readonly host: string; readonly port: number }

/** The resolvers of a resolv.conf text, without those in `except`. */
export function parseResolvConf(text: string, except: readonly string[]): Upstream[] {
  return text.split('\n').map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1])
    .filter((host): host is string => host !== undefined && !except.includes(host) && !host.startsWith('127.'))
    .map((host) => ({ host, port: 53 }));
}

export function forwardPlugin(upstreams: readonly Upstream[], { clock, random }: { clock: Clock; random: Random }): DnsPlugin {
  let underway = 0;
  return {
    name: 'forward',
    async serve(question, next, signal) {
      if (upstreams.length === 0) return next(question, signal);
      if (underway >= CONCURRENT_MAX) return { code: 'SERVFAIL', answers: [] };
      underway++;
      try {
        const first = random.integer(upstreams.length);
        for (let i = 0; i < upstreams.length; i++) {
          const reply = await ask(upstreams[(first + i) % upstreams.length]!, question, clock, random, signal);
          if (reply !== undefined && reply.code !== 'SERVFAIL' && reply.code !== 'REFUSED') return reply;
          if (signal.aborted) break;
        }
        return { code: 'SERVFAIL', answers: [] };
      } finally {
        underway--;
      }
    },
  };
}

async function ask(upstream: Upstream, question: DnsQuestion, clock: Clock, random: Random, signal: AbortSignal): Promise<DnsReply | undefined> {
  const id = random.integer(65_536);
  const query = encode({
    type: 'query', id, flags: RECURSION_DESIRED,
    questions: [{ type: question.type as 'A', name: question.name }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: EDNS_PAYLOAD_BYTES, flags: 0, options: [] } as never],
  } satisfies Packet);
  const byUdp = await attempt(clock, signal, (done) => askUdp(upstream, query, done));
  if (byUdp === undefined || byUdp.id !== id) return undefined;
  const packet = byUdp.flag_tc ? await attempt(clock, signal, (done) => askTcp(upstream, query, done)) : byUdp;
  if (packet === undefined || packet.id !== id) return undefined;
  return {
    code: rcodeOf(packet),
    answers: packet.answers ?? [],
    authorities: packet.authorities ?? [],
  };
}

function rcodeOf(packet: DecodedPacket): ResponseCode {
  return (packet as DecodedPacket & { rcode: ResponseCode }).rcode;
}

/** Runs one exchange; `open` gets the callback for its answer and returns how to close it. */
function attempt(clock: Clock, signal: AbortSignal, open: (done: (answer: Buffer | undefined) => void) => () => void): Promise<DecodedPacket | undefined> {
  return new Promise((resolve) => {
    let settled = false;
    const finish = (answer: Buffer | undefined): void => {
      if (settled) return;
      settled = true;
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      close();
      resolve(answer === undefined ? undefined : tryDecode(answer));
    };
    const onAbort = (): void => finish(undefined);
    const timer = clock.setTimer(ATTEMPT_TIMEOUT_MS, onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    const close = open(finish);
  });
}

function tryDecode(message: Buffer): DecodedPacket | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

function askUdp(upstream: Upstream, query: Buffer, done: (answer: Buffer | undefined) => void): () => void {
  const socket = createSocket(upstream.host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => queueMicrotask(() => done(undefined)));
  socket.on('message', (message, from) => { if (from.port === upstream.port) done(message); });
  socket.connect(upstream.port, upstream.host, () => socket.send(query));
  return () => socket.close();
}

function askTcp(upstream: Upstream, query: Buffer, done: (answer: Buffer | undefined) => void): () => void {
  const socket = connect(upstream.port, upstream.host);
  let received = Buffer.alloc(0);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  socket.on('error', () => done(undefined));
  socket.on('end', () => done(undefined));
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (received.length > TCP_MESSAGE_BYTES_MAX + 2) { done(undefined); return; }
    if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) done(received.subarray(2, 2 + received.readUInt16BE(0)));
  });
  socket.write(Buffer.concat([length, query]));
  return () => socket.destroy();
}
