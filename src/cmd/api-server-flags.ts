/** How the API server behaves, the same flags wherever one runs: audit, feature gates, served versions, admission plugins. */
import { resolve } from 'node:path';
import { checkSwitches, UnknownPluginError, type AdmissionSwitches } from '#apiserver/admission/switches';
import { createAuditLog, type AuditLog } from '#apiserver/audit/audit-log';
import { fileSink } from '#apiserver/audit/file-sink';
import { AuditPolicyError, parseAuditPolicy, type AuditPolicy } from '#apiserver/audit/policy';
import type { ApiServerOptions } from '#apiserver/server';
import { systemClock } from '#base/clock';
import type { Logger } from '#base/log';
import { FeatureGateError, featureGates, parseFeatureGates } from '#component/feature-gates';
import { KNOWN_FEATURES } from '#component/known-features';
import { readFlagFile } from './storage-engine.ts';
import { UserError } from './terminal.ts';

export interface ApiServerFlags {
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly featureGates?: string;
  readonly runtimeConfig?: string;
  readonly enableAdmissionPlugins?: string;
  readonly disableAdmissionPlugins?: string;
}

const NAMES = ['auditPolicyFile', 'auditLogPath', 'featureGates', 'runtimeConfig', 'enableAdmissionPlugins', 'disableAdmissionPlugins'] as const satisfies readonly (keyof ApiServerFlags)[];
const STANDARD_OUTPUT = '-';

/** What of an API server the flags decide. */
export interface ApiServerSettings {
  readonly options: Pick<ApiServerOptions, 'runtimeConfig' | 'featureEnabled' | 'admissionSwitches' | 'audit'>;
  close(): Promise<void>;
}

/** The flags that were given, as they are kept for a later start; undefined: none. Paths become absolute. */
export function givenApiServerFlags(flags: ApiServerFlags): ApiServerFlags | undefined {
  const given = NAMES.flatMap((name) => {
    const value = flags[name];
    if (value === undefined) return [];
    const isPath = name === 'auditPolicyFile' || (name === 'auditLogPath' && value !== STANDARD_OUTPUT);
    return [[name, isPath ? resolve(value) : value] as const];
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** @throws UserError for what a flag cannot be; nothing is opened */
export function checkApiServerFlags(flags: ApiServerFlags): void {
  gatesOf(flags);
  parseSwitches(flags.runtimeConfig ?? '');
  admissionSwitches(flags);
  auditPolicyOf(flags);
}

/** @throws UserError for what a flag cannot be */
export function apiServerSettings(flags: ApiServerFlags, log: Logger): ApiServerSettings {
  const options = { runtimeConfig: parseSwitches(flags.runtimeConfig ?? ''), featureEnabled: gatesOf(flags), admissionSwitches: admissionSwitches(flags) };
  const audit = auditOf(flags, log);
  return { options: { ...options, ...(audit === undefined ? {} : { audit: audit.audit }) }, async close() { await audit?.close(); } };
}

function gatesOf(flags: ApiServerFlags): (gate: string) => boolean {
  try {
    return featureGates(KNOWN_FEATURES, parseFeatureGates(flags.featureGates ?? '')).enabled;
  } catch (error) {
    if (error instanceof FeatureGateError) throw new UserError(`--feature-gates: ${error.message}`);
    throw error;
  }
}

function admissionSwitches({ enableAdmissionPlugins, disableAdmissionPlugins }: ApiServerFlags): AdmissionSwitches {
  const switches = { enable: namesOf(enableAdmissionPlugins), disable: namesOf(disableAdmissionPlugins) };
  try {
    checkSwitches(switches);
  } catch (error) {
    if (error instanceof UnknownPluginError) throw new UserError(`--${error.message}`);
    throw error;
  }
  return switches;
}

function auditPolicyOf({ auditPolicyFile, auditLogPath }: ApiServerFlags): AuditPolicy | undefined {
  if (auditPolicyFile === undefined && auditLogPath === undefined) return undefined;
  if (auditPolicyFile === undefined || auditLogPath === undefined) throw new UserError('give --audit-policy-file and --audit-log-path together');
  try {
    return parseAuditPolicy(readFlagFile('--audit-policy-file', auditPolicyFile).toString('utf8'), auditPolicyFile);
  } catch (error) {
    if (error instanceof AuditPolicyError) throw new UserError(`--audit-policy-file ${error.message}`);
    throw error;
  }
}

function auditOf(flags: ApiServerFlags, log: Logger): { readonly audit: AuditLog; close(): Promise<void> } | undefined {
  const policy = auditPolicyOf(flags);
  if (policy === undefined) return undefined;
  const path = flags.auditLogPath!;
  if (path === STANDARD_OUTPUT) return { audit: createAuditLog({ policy, sink: { write: (line) => { process.stdout.write(line.endsWith('\n') ? line : `${line}\n`); } }, clock: systemClock }), async close() {} };
  const sink = fileSink({ path, clock: systemClock, log });
  return { audit: createAuditLog({ policy, sink, clock: systemClock }), close: () => sink.close() };
}

function namesOf(list = ''): string[] {
  return list.split(',').map((name) => name.trim()).filter((name) => name !== '');
}

function parseSwitches(text: string): Map<string, boolean> {
  const switches = new Map<string, boolean>();
  for (const part of namesOf(text)) {
    const [name, value] = part.split('=');
    if (value !== undefined && value !== 'true' && value !== 'false') throw new UserError(`${JSON.stringify(part)}: write NAME=true or NAME=false`);
    switches.set(name!, value !== 'false');
  }
  return switches;
}
