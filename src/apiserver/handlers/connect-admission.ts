/** Connections to a pod, service or node pass admission too: as CONNECT, with their options as the object. */
import type { KubeObject } from '#machinery/meta';
import type { AdmissionAttributes } from '../admission/plugin.ts';
import { warn, type RequestContext } from '../context.ts';
import type { HandlerEnvironment } from './environment.ts';

type Field = readonly [name: string, type: 'bool' | 'text' | 'texts' | 'integers'];

const STREAMS: readonly Field[] = [['stdin', 'bool'], ['stdout', 'bool'], ['stderr', 'bool'], ['tty', 'bool'], ['container', 'text']];

const OPTIONS: Readonly<Record<string, { readonly kind: string; readonly fields: readonly Field[] }>> = {
  'pods/exec': { kind: 'PodExecOptions', fields: [...STREAMS, ['command', 'texts']] },
  'pods/attach': { kind: 'PodAttachOptions', fields: STREAMS },
  'pods/portforward': { kind: 'PodPortForwardOptions', fields: [['ports', 'integers']] },
  'pods/proxy': { kind: 'PodProxyOptions', fields: [] },
  'services/proxy': { kind: 'ServiceProxyOptions', fields: [] },
  'nodes/proxy': { kind: 'NodeProxyOptions', fields: [] },
};

/** @throws StatusError */
export async function admitConnection({ admission }: HandlerEnvironment, context: RequestContext): Promise<void> {
  const { info, user } = context;
  const known = info.group === '' ? OPTIONS[`${info.resource}/${info.subresource}`] : undefined;
  if (known === undefined) return;
  const attributes: AdmissionAttributes = {
    operation: 'CONNECT', info, user, definition: undefined, kind: known.kind, name: info.name, namespace: info.namespace, subresource: info.subresource,
    object: optionsOf(known.kind, known.fields, context), oldObject: undefined, options: {}, dryRun: false,
    warn: (text) => { warn(context, text); }, annotate: (key, value) => { context.auditAnnotations.set(key, value); },
    get signal() { return context.signal; },
  };
  await admission.admit(attributes);
  await admission.validate(attributes);
}

function optionsOf(kind: string, fields: readonly Field[], { info }: RequestContext): KubeObject {
  const options: Record<string, unknown> = { kind, apiVersion: 'v1' };
  for (const [name, type] of fields) {
    const values = info.query.getAll(name);
    const [first = ''] = values;
    if (type === 'bool' && values.length > 0 && first !== 'false' && first !== '0') options[name] = true;
    else if (type === 'text' && first !== '') options[name] = first;
    else if (type === 'texts' && values.length > 0) options[name] = values;
    else if (type === 'integers' && values.length > 0) options[name] = values.flatMap((text) => text.split(',')).map(Number);
  }
  if (info.subresource === 'proxy' && info.rest !== '') options['path'] = info.rest.startsWith('/') ? info.rest : `/${info.rest}`;
  return options as unknown as KubeObject;
}
