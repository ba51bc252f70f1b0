/**
 * Calls to an etcd cluster: one gRPC channel per end point, one of them in use, a deadline on every call.
 *
 * A call that fails for the end point's sake moves everybody to the next end point. Reads are then made again; writes only
 * when the first attempt cannot have been applied. A monitor asks the end point in use every second, so that a member that
 * hangs without closing its connections is left within two.
 */
import {
  credentials, Metadata, status,
  type CallOptions, type ChannelCredentials, type Client, type ClientDuplexStream, type ClientUnaryCall, type ServiceError,
} from '@grpc/grpc-js';
import type { Clock, Timer } from '#base/clock';
import type { Logger } from '#base/log';
import { UnavailableError } from '../contract.ts';
import { etcdServices, type EtcdServices } from './definitions.ts';
import { blamesEndpoint, fromEtcdError, wasNotSent } from './errors.ts';
import type { StatusResponse } from './messages.ts';

export interface EtcdConnectionOptions {
  /** `https://10.0.0.1:2379`, `http://…`, `host:port` (plain text without `tls`) or `unix:///path`. */
  readonly endpoints: readonly string[];
  readonly tls?: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  readonly auth?: { readonly username: string; readonly password: string };
  readonly clock: Clock;
  readonly log: Logger;
}

/** One attempt at one end point. */
const READ_ATTEMPT_MS = 2_000;
const WRITE_ATTEMPT_MS = 5_000;
/** All attempts together. */
const CALL_MS_MAX = 9_000;
const RETRY_MS = 50;
const MONITOR_INTERVAL_MS = 1_000;
/** While an election is likely: after an end point was left. */
const MONITOR_SOON_MS = 200;
const MONITOR_SOON_COUNT = 15;
const MONITOR_DEADLINE_MS = 1_000;

type ServiceName = keyof EtcdServices;
type UnaryMethod = (request: object, metadata: Metadata, options: CallOptions, done: (error: ServiceError | null, answer: unknown) => void) => ClientUnaryCall;
type Endpoint = { readonly address: string; readonly inFlight: Set<ClientUnaryCall> } & Readonly<Record<ServiceName, Client>>;

export class EtcdConnection {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #auth: EtcdConnectionOptions['auth'];
  readonly #endpoints: readonly Endpoint[];
  readonly #leaving = new Set<() => void>();
  #current = 0;
  /** The election the end point in use has seen last; 0: not known. */
  #term = 0;
  /** Quick looks left. */
  #soon = 0;
  /** The monitor waits for an answer: it will set its timer itself. */
  #asking = false;
  #token: string | undefined;
  #monitor: Timer | undefined;
  #closed = false;

  constructor(options: EtcdConnectionOptions) {
    if (options.endpoints.length === 0) throw new Error('etcd needs at least one end point');
    this.#clock = options.clock;
    this.#log = options.log;
    this.#auth = options.auth;
    this.#endpoints = options.endpoints.map((url) => connect(url, options.tls));
    this.#watchHealth(0);
  }

  get address(): string { return this.#endpoints[this.#current]!.address; }

  /** @throws what `fromEtcdError` says. */
  async call<R>(service: ServiceName, method: string, request: object, options: { write: boolean; signal?: AbortSignal | undefined }): Promise<R> {
    const untilMs = this.#clock.monotonicNow() + CALL_MS_MAX;
    for (;;) {
      options.signal?.throwIfAborted();
      if (this.#closed) throw new UnavailableError('storage is closed');
      const at = this.#current;
      const attemptMs = Math.min(options.write ? WRITE_ATTEMPT_MS : READ_ATTEMPT_MS, untilMs - this.#clock.monotonicNow());
      try {
        return await this.#unary<R>(this.#endpoints[at]!, service, method, request, attemptMs, options.signal);
      } catch (caught) {
        if (options.signal?.aborted === true) throw options.signal.reason;
        if (this.#closed) throw new UnavailableError('storage is closed', { unknown: options.write });
        const error = caught as ServiceError;
        if (error.code === status.UNAUTHENTICATED && this.#token !== undefined) { this.#token = undefined; continue; }
        if (blamesEndpoint(error)) this.#leave(at, error.details);
        const again = wasNotSent(error) || (!options.write && blamesEndpoint(error));
        if (!again || this.#clock.monotonicNow() + RETRY_MS >= untilMs) throw fromEtcdError(error, options.write);
        await this.#clock.sleep(RETRY_MS, options.signal);
      }
    }
  }

  /** Opens a stream to the end point in use. `onLeave` is called when that one is given up. */
  async stream(onLeave: () => void): Promise<{ stream: ClientDuplexStream<object, unknown>; done: () => void }> {
    const metadata = await this.#metadata(this.#endpoints[this.#current]!);
    // A member without a leader must end the stream instead of going silent.
    metadata.set('hasleader', 'true');
    const client = this.#endpoints[this.#current]!.Watch as unknown as { Watch(metadata: Metadata): ClientDuplexStream<object, unknown> };
    const stream = client.Watch(metadata);
    this.#leaving.add(onLeave);
    return { stream, done: () => { this.#leaving.delete(onLeave); } };
  }

  /** Gives up the end point in use, as far as it is still the one. */
  leaveCurrent(why: string): void { this.#leave(this.#current, why); }

  close(): void {
    this.#closed = true;
    this.#monitor?.cancel();
    for (const endpoint of this.#endpoints) for (const name of SERVICE_NAMES) endpoint[name].close();
  }

  #leave(at: number, why: string): void {
    if (this.#closed || at !== this.#current) return;
    this.#current = (at + 1) % this.#endpoints.length;
    if (this.#endpoints.length > 1) {
      this.#log.warn('leaving an etcd end point', { endpoint: this.#endpoints[at]!.address, next: this.address, why });
    }
    for (const onLeave of [...this.#leaving]) onLeave();
    this.#cancelAt(at);
    this.#soon = MONITOR_SOON_COUNT;
    if (this.#asking) return;
    this.#monitor?.cancel();
    this.#watchHealth(MONITOR_SOON_MS);
  }

  /** Whoever waits for an answer from there would wait for the deadline: reads are made again, writes have an unknown end. */
  #cancelAt(at: number): void { for (const call of [...this.#endpoints[at]!.inFlight]) call.cancel(); }

  #watchHealth(delayMs: number): void {
    this.#monitor = this.#clock.setTimer(delayMs, () => {
      const at = this.#current;
      this.#asking = true;
      this.#unary<StatusResponse>(this.#endpoints[at]!, 'Maintenance', 'Status', {}, MONITOR_DEADLINE_MS, undefined).then(
        ({ leader, raftTerm }) => {
          if (leader === 0) this.#leave(at, 'it has no leader');
          else if (this.#term !== raftTerm) {
            // What was on its way to the former leader is lost without an answer.
            if (this.#term !== 0) this.#cancelAt(at);
            this.#term = raftTerm;
          }
        },
        (error: unknown) => { if (blamesEndpoint(error as ServiceError)) this.#leave(at, (error as ServiceError).details); },
      ).finally(() => {
        this.#asking = false;
        if (this.#closed) return;
        if (this.#soon > 0) this.#soon--;
        this.#watchHealth(this.#soon > 0 ? MONITOR_SOON_MS : MONITOR_INTERVAL_MS);
      });
    }, { unref: true });
  }

  async #unary<R>(endpoint: Endpoint, service: ServiceName, method: string, request: object, attemptMs: number, signal: AbortSignal | undefined): Promise<R> {
    const metadata = service === 'Auth' ? new Metadata() : await this.#metadata(endpoint);
    return await new Promise<R>((resolve, reject) => {
      const invoke = (endpoint[service] as unknown as Record<string, UnaryMethod>)[method]!;
      const onAbort = (): void => call.cancel();
      const call = invoke.call(endpoint[service], request, metadata, { deadline: this.#clock.now() + attemptMs }, (error, answer) => {
        signal?.removeEventListener('abort', onAbort);
        endpoint.inFlight.delete(call);
        if (error === null) resolve(answer as R); else reject(error);
      });
      endpoint.inFlight.add(call);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  async #metadata(endpoint: Endpoint): Promise<Metadata> {
    const metadata = new Metadata();
    if (this.#auth === undefined) return metadata;
    this.#token ??= (await this.#unary<{ token: string }>(endpoint, 'Auth', 'Authenticate',
      { name: this.#auth.username, password: this.#auth.password }, READ_ATTEMPT_MS, undefined)).token;
    metadata.set('token', this.#token);
    return metadata;
  }
}

const SERVICE_NAMES: readonly ServiceName[] = ['KV', 'Watch', 'Lease', 'Maintenance', 'Auth'];

/** @throws Error when the URL is not one. */
function connect(url: string, tls: EtcdConnectionOptions['tls']): Endpoint {
  const parsed = /^(?:(https?):\/\/)?([^/]+:\d+)\/?$/.exec(url) ?? /^(unix):\/\/(\/.+)$/.exec(url);
  if (parsed === null) throw new Error(`etcd end point ${JSON.stringify(url)} is not of the form https://host:port`);
  const [, scheme] = parsed;
  const address = scheme === 'unix' ? `unix:${parsed[2]}` : parsed[2];
  const secure = scheme === 'https' || (scheme === undefined && tls !== undefined);
  const channelCredentials: ChannelCredentials = secure
    ? credentials.createSsl(tls?.ca ?? null, tls?.key ?? null, tls?.cert ?? null) : credentials.createInsecure();
  const options = {
    'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1,
    'grpc.initial_reconnect_backoff_ms': 100, 'grpc.min_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc.use_local_subchannel_pool': 0,
  };
  const services = etcdServices();
  const clients = Object.fromEntries(SERVICE_NAMES.map((name) => [name, new services[name](address!, channelCredentials, options)]));
  return { address: address!, inFlight: new Set(), ...clients as unknown as Record<ServiceName, Client> };
}
