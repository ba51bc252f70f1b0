/**
 * The DNS server: UDP and TCP on one address, questions in, the chain's answers out.
 *
 * Limits: one question a message, answers cut to what the client takes over UDP (it then asks by TCP), a bounded number of
 * TCP connections, each closed when idle. A malformed message gets FORMERR when its id can be read, and silence otherwise.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { AUTHORITATIVE_ANSWER, decode, encode, RECURSION_AVAILABLE, RECURSION_DESIRED, TRUNCATED_RESPONSE, type DecodedPacket, type Packet } from 'dns-packet';
import type { Component, ComponentContext } from '#component/component';
import type { DnsHandler, DnsReply, ResponseCode } from './plugin.ts';

const UDP_BYTES_DEFAULT = 512;
const UDP_BYTES_MAX = 4_096;
const TCP_CONNECTIONS_MAX = 512;
const TCP_IDLE_MS = 10_000;
const RCODES: Readonly<Record<ResponseCode, number>> = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };
const OPCODE_QUERY = 'QUERY';

export interface DnsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly handler: DnsHandler;
}

export function createDnsServer(options: DnsServerOptions, context: ComponentContext): Component & { port(): number } {
  const { log } = context;
  const requests = context.metrics.counter({ name: 'coredns_dns_requests_total', help: 'Counter of DNS requests made per protocol and type.', labels: ['proto', 'type'] });
  const responses = context.metrics.counter({ name: 'coredns_dns_responses_total', help: 'Counter of response status codes.', labels: ['proto', 'rcode'] });
  const stopping = new AbortController();
  let udp: UdpSocket;
  let tcp: Server;
  const connections = new Set<Socket>();

  const respond = async (message: Buffer, protocol: 'udp' | 'tcp'): Promise<Buffer | undefined> => {
    const query = readQuery(message);
    if (query === undefined) return undefined;
    if (query === 'malformed') return encodeReply({ id: message.readUInt16BE(0), questions: [] }, { code: 'FORMERR', answers: [] });
    const question = query.questions?.[0];
    requests.inc([protocol, question?.type ?? 'other']);
    let reply: DnsReply;
    if ((query as { opcode?: string }).opcode !== OPCODE_QUERY) reply = { code: 'NOTIMP', answers: [] };
    else if (query.questions?.length !== 1) reply = { code: 'FORMERR', answers: [] };
    else reply = await ask({ name: question!.name.toLowerCase().replace(/\.$/, ''), type: question!.type });
    responses.inc([protocol, reply.code]);
    const bytes = encodeReply(query, reply);
    return protocol === 'udp' && bytes.length > udpLimit(query) ? encodeReply(query, { code: reply.code, answers: [] }, TRUNCATED_RESPONSE) : bytes;
  };

  const ask = async (question: { name: string; type: string }): Promise<DnsReply> => {
    try {
      return await options.handler(question, stopping.signal);
    } catch (error) {
      if (!stopping.signal.aborted) log.error('a question could not be answered', { error, name: question.name, type: question.type });
      return { code: 'SERVFAIL', answers: [] };
    }
  };

  const onDatagram = (message: Buffer, from: RemoteInfo): void => {
    void respond(message, 'udp').then((bytes) => {
      if (bytes !== undefined && !stopping.signal.aborted) udp.send(bytes, from.port, from.address);
    });
  };

  return {
    name: 'dns',
    async start() {
      udp = createSocket({ type: options.host.includes(':') ? 'udp6' : 'udp4', reuseAddr: true });
      udp.on('message', onDatagram);
      await new Promise<void>((resolve, reject) => {
        udp.once('error', reject);
        udp.bind(options.port, options.host, () => { udp.off('error', reject); resolve(); });
      });
      udp.on('error', (error) => log.warn('the datagram socket failed', { error }));
      tcp = createServer((socket) => serveConnection(socket, connections, (message) => respond(message, 'tcp')));
      tcp.maxConnections = TCP_CONNECTIONS_MAX;
      await new Promise<void>((resolve, reject) => {
        tcp.once('error', reject);
        tcp.listen(udp.address().port, options.host, () => { tcp.off('error', reject); resolve(); });
      });
    },
    async stop() {
      stopping.abort(new Error('dns stops'));
      for (const socket of connections) socket.destroy();
      if (udp !== undefined) await new Promise<void>((resolve) => { udp.close(() => resolve()); });
      if (tcp !== undefined) await new Promise<void>((resolve) => { tcp.close(() => resolve()); });
    },
    port: () => udp.address().port,
  };
}

function serveConnection(socket: Socket, connections: Set<Socket>, respond: (message: Buffer) => Promise<Buffer | undefined>): void {
  connections.add(socket);
  let received = Buffer.alloc(0);
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => connections.delete(socket));
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const message = received.subarray(2, 2 + received.readUInt16BE(0));
      received = received.subarray(2 + message.length);
      void respond(message).then((bytes) => {
        if (bytes === undefined) { socket.destroy(); return; }
        const length = Buffer.alloc(2);
        length.writeUInt16BE(bytes.length);
        if (!socket.destroyed) socket.write(Buffer.concat([length, bytes]));
      });
    }
  });
}

/** Undefined: not worth an answer (too short, or itself an answer). */
function readQuery(message: Buffer): DecodedPacket | 'malformed' | undefined {
  if (message.length < 12 || (message[2]! & 0x80) !== 0) return undefined;
  try {
    return decode(message);
  } catch {
    return 'malformed';
  }
}

function udpLimit(query: DecodedPacket): number {
  const opt = query.additionals?.find((record) => record.type === 'OPT') as { udpPayloadSize?: number } | undefined;
  return Math.min(UDP_BYTES_MAX, Math.max(UDP_BYTES_DEFAULT, opt?.udpPayloadSize ?? UDP_BYTES_DEFAULT));
}

function encodeReply(query: Pick<Packet, 'id' | 'questions'> & Partial<DecodedPacket>, reply: DnsReply, extraFlags = 0): Buffer {
  const hasOpt = query.additionals?.some((record) => record.type === 'OPT') === true;
  const flags = RCODES[reply.code] | RECURSION_AVAILABLE | (query.flag_rd === true ? RECURSION_DESIRED : 0)
    | (reply.authoritative === true ? AUTHORITATIVE_ANSWER : 0) | extraFlags;
  const additionals = [...reply.additionals ?? []];
  if (hasOpt) additionals.push({ type: 'OPT', name: '.', udpPayloadSize: UDP_BYTES_MAX, flags: 0, options: [] } as never);
  return encode({
    type: 'response', id: query.id ?? 0, flags, questions: query.questions ?? [],
    answers: [...reply.answers], authorities: [...reply.authorities ?? []], additionals,
  });
}
