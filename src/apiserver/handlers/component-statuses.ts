/**
 * `componentstatuses`: nothing is stored, each answer asks the store how it is. Controllers and schedulers say of themselves how they
 * are (their health ports and leases); they are not asked from here, so that the answer holds wherever they run.
 */
import type { ComponentStatus } from '#api/generated/core/v1';
import { newNotFound } from '#machinery/status-error';
import type { StorageEngine } from '#storage/contract';
import { jsonResponse, type RequestContext } from '../context.ts';
import type { ApiResponse } from '../request.ts';
import { parseIncludeObject, tableOf, tableRow } from '../resources/printing/table.ts';
import { tablePrinterOf } from '../resources/printing/table-printers.ts';
import type { ConnectHandler } from './connect-registry.ts';

const STORE = 'etcd-0';

export function componentStatusHandler(storage: StorageEngine): ConnectHandler {
  return {
    group: '', resource: 'componentstatuses', subresource: '', methods: ['get'],
    async handle(context) {
      const { name, verb } = context.info;
      if (verb !== 'list' && name !== STORE) throw newNotFound('', 'componentstatus', name);
      const status = await storeStatus(storage, context.signal);
      return answer(context, status, verb === 'list');
    },
  };
}

async function storeStatus(storage: StorageEngine, signal: AbortSignal): Promise<ComponentStatus> {
  const fault = await storage.currentRevision(signal).then(() => undefined, (error: unknown) => (error instanceof Error ? error.message : String(error)));
  return {
    metadata: { name: STORE },
    conditions: [fault === undefined ? { type: 'Healthy', status: 'True', message: 'ok' } : { type: 'Healthy', status: 'False', message: 'unhealthy', error: fault }],
  };
}

function answer(context: RequestContext, status: ComponentStatus, list: boolean): ApiResponse {
  const accept = context.request.headers['accept'];
  if (typeof accept === 'string' && accept.includes('as=Table')) {
    const printer = tablePrinterOf('', 'componentstatuses');
    const shown = { kind: 'ComponentStatus', apiVersion: 'v1', ...status };
    const row = tableRow(printer, shown, parseIncludeObject(context.info.query.get('includeObject')), context.nowMs);
    return jsonResponse(200, tableOf(printer, [row], {}));
  }
  return jsonResponse(200, list
    ? { kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items: [status] }
    : { kind: 'ComponentStatus', apiVersion: 'v1', ...status });
}
