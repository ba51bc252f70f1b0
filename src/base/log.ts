/**
 * Structured log: a constant sentence plus fields.
 *
 * Never put a secret into a field: tokens, keys, Secret data, request bodies.
 */

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** For an error that the loop which decides about retry gives up on; pass it as field `error`. */
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** JSON lines: `{"time":"…","level":"info","msg":"…",…fields}`. */
export function jsonLogger(write: (line: string) => void, now: () => number, level: LogLevel = 'info', fields: LogFields = {}): Logger {
  const emit = (at: LogLevel, message: string, extra?: LogFields): void => {
    if (LEVELS[at] < LEVELS[level]) return;
    write(`${JSON.stringify({ time: new Date(now()).toISOString(), level: at, msg: message, ...fields, ...extra }, printable)}\n`);
  };
  return {
    debug: (message, extra) => emit('debug', message, extra),
    info: (message, extra) => emit('info', message, extra),
    warn: (message, extra) => emit('warn', message, extra),
    error: (message, extra) => emit('error', message, extra),
    child: (extra) => jsonLogger(write, now, level, { ...fields, ...extra }),
  };
}

function printable(_key: string, value: unknown): unknown {
  if (value instanceof Error) return value.stack ?? value.message;
  if (typeof value === 'bigint') return value.toString();
  return value;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLogger };
