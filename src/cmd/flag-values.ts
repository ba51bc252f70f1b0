/** Values of flags, checked before anything is started: each message names the flag and what it takes. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { UserError } from './terminal.ts';

const PORT_MAX = 65_535;

/** @throws UserError */
export function wholeNumber(text: string, flag: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) throw new UserError(`${flag} ${text}: a whole number from ${min} to ${max} is expected`);
  return value;
}

/** 0: any free one. @throws UserError */
export function portOf(text: string, flag: string): number {
  return wholeNumber(text, flag, 0, PORT_MAX);
}

/** @throws UserError */
export function addressOf(text: string, flag: string): string {
  if (isIP(text) === 0) throw new UserError(`${flag} ${text}: an IP address is expected`);
  return text;
}

const DURATION = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/;

/** `24h`, `1h30m`; `0` is 0. @throws UserError */
export function durationMs(text: string, flag: string): number {
  if (text === '0') return 0;
  const [, hours = '0', minutes = '0', seconds = '0'] = DURATION.exec(text) ?? [];
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  if (ms === 0) throw new UserError(`${flag} ${text}: a time such as 24h or 1h30m is expected, 0 for without end`);
  return ms;
}

/** Makes the directory when it is missing. @throws UserError when it cannot be written. */
export function usableDataDir(dataDir: string): void {
  const path = resolve(dataDir);
  try {
    if (existsSync(path) && !statSync(path).isDirectory()) throw new UserError(`--data-dir ${dataDir} is a file: name a folder`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') throw new UserError(`--data-dir ${dataDir} cannot be written by this user: run as root, or name a folder of your own`);
    if (code === 'EROFS') throw new UserError(`--data-dir ${dataDir} lies on a read-only file system: name another folder`);
    if (code === 'ENOTDIR') throw new UserError(`--data-dir ${dataDir}: ${dirname(path)} is a file: name another folder`);
    if (code === 'ENOSPC') throw new UserError(`--data-dir ${dataDir}: the disk is full: free space, or name a folder elsewhere`);
    throw error;
  }
}
