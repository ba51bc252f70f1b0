/**
 * Request parameters of the documented operations.
 *
 * v2 shares the common ones under a name that ends in a hash; the hashes are upstream's, as generated clients are built on them.
 */
import type { Descriptions } from './descriptions.ts';
import type { JsonObject, OpenApiVersion } from './definitions.ts';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: 'string' | 'boolean' | 'integer';
  /** The suffix of its shared name in v2; undefined: written out at each operation. */
  readonly shared: string | undefined;
  /** Looked up under this name; `name` when absent. */
  readonly describedAs?: string;
  readonly text?: string;
}

function query(name: string, type: Parameter['type'], shared: string | undefined, describedAs?: string): Parameter {
  return { name, in: 'query', type, shared, ...(describedAs === undefined ? {} : { describedAs }) };
}

export const PRETTY = query('pretty', 'string', 'tJGM1-ng');
export const NAMESPACE: Parameter = { name: 'namespace', in: 'path', type: 'string', shared: 'vgWSWtn3' };
export const PROXY_PATH: Parameter = { name: 'path', in: 'path', type: 'string', shared: 'z6Ciiujn', text: 'path to the resource' };
const DRY_RUN = query('dryRun', 'string', undefined);
const FIELD_MANAGER = query('fieldManager', 'string', 'Qy4HdaTW');
const FIELD_VALIDATION = query('fieldValidation', 'string', undefined);

const LIMITS: readonly Parameter[] = [
  query('continue', 'string', 'QfD61s0i'), query('fieldSelector', 'string', 'xIcQKXFG'), query('labelSelector', 'string', '5Zw57w4C'),
  query('limit', 'integer', '1NfNmdNH'), query('resourceVersion', 'string', '5WAnf1kx'), query('resourceVersionMatch', 'string', 't8XhRHeC'),
  query('sendInitialEvents', 'boolean', 'rLXlEK_k'), query('shardSelector', 'string', 'Kgyki_3_'), query('timeoutSeconds', 'integer', 'yvYezaOC'),
];
export const LIST_PARAMETERS: readonly Parameter[] = [query('allowWatchBookmarks', 'boolean', 'HC2hJt-J'), ...LIMITS, query('watch', 'boolean', 'XNNPZGbK')];
export const WRITE_PARAMETERS: readonly Parameter[] = [DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION];
export const PATCH_PARAMETERS: readonly Parameter[] = [
  DRY_RUN, query('fieldManager', 'string', '7c6nTn1T'), FIELD_VALIDATION, query('force', 'boolean', 'tOGGb0Yi'),
];
export const DELETE_PARAMETERS: readonly Parameter[] = [
  DRY_RUN, query('gracePeriodSeconds', 'integer', '-K5HaBOS'), query('ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean', 'QbNkfIqj'),
  query('orphanDependents', 'boolean', 'uRB25kX5'), query('propagationPolicy', 'string', '6jk3prlO'),
];
export const DELETE_COLLECTION_PARAMETERS: readonly Parameter[] = [...DELETE_PARAMETERS, ...LIMITS];

/** Options kind of a connecting subresource (or of logs) → its parameters. */
export const OPTION_PARAMETERS: Readonly<Record<string, readonly Parameter[]>> = {
  PodAttachOptions: [
    query('container', 'string', '_Q-EJ3nR'), query('stderr', 'boolean', '26jJhFUR'), query('stdin', 'boolean', 'sEFnN3IS'),
    query('stdout', 'boolean', '005YMKE6'), query('tty', 'boolean', 'g7MlET_l'),
  ],
  PodExecOptions: [
    query('command', 'string', 'Py3eQybp'), query('container', 'string', 'i5dOmRiM'), query('stderr', 'boolean', 'W_1TNlWc'),
    query('stdin', 'boolean', 'PSzNhyUC'), query('stdout', 'boolean', '-EZLRwV1'), query('tty', 'boolean', 's0flW37O'),
  ],
  PodLogOptions: [
    query('container', 'string', '1GeXxFDC'), query('follow', 'boolean', '9OIXh_2R'), query('insecureSkipTLSVerifyBackend', 'boolean', 'gM00jVbe'),
    query('limitBytes', 'integer', 'zwd1RXuc'), query('previous', 'boolean', '1jxDPu3y'), query('sinceSeconds', 'integer', 'vE2NLdnP'),
    query('stream', 'string', 'l-48cgXv'), query('tailLines', 'integer', '9xQLWHMV'), query('timestamps', 'boolean', 'c17fW1w_'),
  ],
  PodPortForwardOptions: [query('ports', 'integer', '91KROJmm')],
  PodProxyOptions: [query('path', 'string', 'oPbzgLUj')],
  NodeProxyOptions: [query('path', 'string', 'rFDtV0x9')],
  ServiceProxyOptions: [query('path', 'string', 'QCf0eosM')],
};

export function nameParameter(kind: string): Parameter {
  return { name: 'name', in: 'path', type: 'string', shared: undefined, text: `name of the ${kind}` };
}

/** What tells two parameters of one name apart. */
export function parameterKey(parameter: Parameter): string {
  return `${parameter.in} ${parameter.name} ${parameter.shared ?? ''}`;
}

/** The key under v2's `parameters`. */
export function sharedName(parameter: Parameter): string {
  return `${parameter.name}-${parameter.shared}`;
}

export function writeParameter(parameter: Parameter, version: OpenApiVersion, descriptions: Descriptions): JsonObject {
  const description = parameter.text ?? descriptions.parameters[parameter.describedAs ?? parameter.name];
  const schema = { type: parameter.type, uniqueItems: true };
  return {
    ...(description === undefined ? {} : { description }), in: parameter.in, name: parameter.name,
    ...(parameter.in === 'path' ? { required: true } : {}), ...(version === 2 ? schema : { schema }),
  };
}
