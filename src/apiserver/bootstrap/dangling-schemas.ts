/**
 * Keeps the condition `Dangling` of the flow schemas: whether the priority level that they name is there.
 *
 * Every API server does it, and all come to the same; one write an object is under way at a time.
 */
import { flowschemas, type FlowSchema, type FlowSchemaCondition, type PriorityLevelConfiguration } from '#api/generated/flowcontrol/v1';
import { rfc3339, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import { WorkQueue } from '#base/queue/work-queue';
import type { Client } from '#client/client';
import type { Informer } from '#client/informer-contract';
import { quote } from '#machinery/go-print';
import { isNotFound } from '#machinery/status-error';

const RETRY_MS = 1_000;
const TYPE = 'Dangling';
const FIELD_MANAGER = 'api-priority-and-fairness-config-consumer-v1';
/** They count as there even when they are not. */
const MANDATORY_LEVELS: ReadonlySet<string> = new Set(['exempt', 'catch-all']);

export interface DanglingSchemasOptions {
  readonly client: Client;
  readonly schemas: Informer<FlowSchema>;
  readonly levels: Informer<PriorityLevelConfiguration>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Runs until the signal is aborted; both informers must be started by others. */
export async function keepDanglingConditions({ client, schemas, levels, clock, log }: DanglingSchemasOptions, signal: AbortSignal): Promise<void> {
  const queue = new WorkQueue();
  const levelOf = ({ spec }: FlowSchema): string => spec?.priorityLevelConfiguration.name ?? '';
  const levelChanged = ({ metadata }: PriorityLevelConfiguration): void => {
    for (const schema of schemas.list()) if (levelOf(schema) === metadata.name) queue.add(schema.metadata.name!);
  };
  const isThere = (level: string): boolean => levels.get(level) !== undefined || MANDATORY_LEVELS.has(level);
  const settle = async (name: string): Promise<void> => {
    const schema = schemas.get(name);
    if (schema === undefined) return;
    const wanted = danglingCondition(levelOf(schema), isThere(levelOf(schema)), rfc3339(clock.now()));
    const found = schema.status?.conditions?.find(({ type }) => type === TYPE);
    if (found?.status === wanted.status && found?.reason === wanted.reason && found?.message === wanted.message) return;
    await applyCondition(client, name, wanted, signal);
  };

  try {
    await Promise.all([schemas.whenSynced(signal), levels.whenSynced(signal)]);
    const remove = [
      schemas.addHandlers({ onAdd: ({ metadata }) => queue.add(metadata.name!), onUpdate: (_old, { metadata }) => queue.add(metadata.name!) }),
      levels.addHandlers({ onAdd: levelChanged, onDelete: levelChanged }),
    ];
    signal.addEventListener('abort', () => { for (const one of remove) one(); }, { once: true });
    for (;;) {
      const name = await queue.take(signal);
      if (name === undefined) return;
      try {
        await settle(name);
      } catch (error) {
        if (signal.aborted) return;
        if (!isNotFound(error)) {
          log.warn('Condition of a flow schema not written', { name, error });
          clock.setTimer(RETRY_MS, () => queue.add(name));
        }
      } finally {
        queue.done(name);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

export async function applyCondition(client: Client, name: string, condition: FlowSchemaCondition, signal: AbortSignal): Promise<void> {
  const { group, version, kind } = flowschemas;
  const configuration = { apiVersion: `${group}/${version}`, kind, metadata: { name }, status: { conditions: [condition] } };
  await client.for(flowschemas).patch(name, 'application/apply-patch+yaml', configuration, { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal });
}

/** @param now RFC 3339 */
export function danglingCondition(level: string, isThere: boolean, now: string): FlowSchemaCondition {
  const end = isThere ? 'and it exists' : 'but there is no such object';
  return {
    type: TYPE, status: isThere ? 'False' : 'True', lastTransitionTime: now, reason: isThere ? 'Found' : 'NotFound',
    message: `This FlowSchema references the PriorityLevelConfiguration object named ${quote(level)} ${end}`,
  };
}
