/**
 * What calls of Kubernetes' functions may cost, known before they run. These figures decide which rules may be stored: they are
 * upstream's, to the unit.
 */
import { LIST_COST, PATTERN, STRUCT_COST, TRAVERSAL } from './call-cost.ts';
import { add, exactly, multiply, scale, union, UNBOUNDED, UNKNOWN, type Range } from './cost-range.ts';
import type { Node } from './ast.ts';
import { sameType, type Type } from './type.ts';

export interface Operand {
  readonly type: Type;
  readonly node: Node;
  readonly path: readonly string[] | undefined;
  /** undefined where nothing tells it. */
  readonly size: Range | undefined;
}

export interface CallEstimate { readonly cost: Range; readonly size?: Range | undefined }

export interface EstimatedCall {
  readonly name: string;
  readonly overload: string;
  readonly target: Operand | undefined;
  readonly args: readonly Operand[];
  /** What the schema says of the place. */
  readonly sizeAt: (path: readonly string[]) => Range | undefined;
}

type Estimator = (call: EstimatedCall) => CallEstimate | undefined;

const ONE: CallEstimate = { cost: exactly(1) };
const one: Estimator = () => ONE;

function sizeOf(operand: Operand, call: EstimatedCall): Range {
  return operand.size ?? (operand.path?.length ? call.sizeAt(operand.path) : undefined) ?? UNKNOWN;
}

/** Of the elements of a list; undefined for what has none. */
function elementSize(list: Operand, call: EstimatedCall): { readonly type: Type; readonly size: Range } | undefined {
  const type = list.type.parameters[0];
  if (type === undefined) return undefined;
  return { type, size: (list.path?.length ? call.sizeAt([...list.path, '@items']) : undefined) ?? UNKNOWN };
}

const overElements: Estimator = (call) => {
  const { target } = call;
  if (target === undefined) return undefined;
  const element = elementSize(target, call);
  const size = sizeOf(target, call);
  if (element === undefined) return { cost: scale(size, TRAVERSAL) };
  const text = element.type.kind === 'string' || element.type.kind === 'bytes';
  return { cost: multiply(size, text ? add(exactly(1), scale(element.size, TRAVERSAL)) : exactly(1)) };
};

const readText = (factor: number, keepsSize: boolean): Estimator => (call) => {
  const operand = call.args[0];
  if (operand === undefined) return undefined;
  const size = sizeOf(operand, call);
  return { cost: scale(size, factor), ...(keepsSize ? { size } : {}) };
};

const sameLength: Estimator = (call) => {
  if (call.target === undefined) return undefined;
  const size = sizeOf(call.target, call);
  return { cost: scale(size, TRAVERSAL), size };
};

const replace: Estimator = (call) => {
  const { target, args } = call;
  if (target === undefined || args.length < 2) return undefined;
  const [text, old, by] = [sizeOf(target, call), sizeOf(args[0]!, call), sizeOf(args[1]!, call)];
  const count = { min: 0, max: 0 };
  const kept = { min: 0, max: 0 };
  if (old.min === 0) { count.max = text.max < UNBOUNDED ? text.max + 1 : text.max; kept.max = text.max; }
  else if (by.max <= old.min) kept.max = text.max;
  else count.max = Math.ceil(text.max / old.min);
  if (old.max === 0) { count.min = text.min + 1; kept.min = text.min; }
  else if (old.max <= by.min) kept.min = text.min;
  else count.min = Math.ceil(text.min / old.max);
  return { cost: scale(text, 2 * TRAVERSAL), size: add(multiply(count, by), kept) };
};

const split: Estimator = (call) => {
  const { target, args } = call;
  if (target === undefined) return undefined;
  const size = sizeOf(target, call);
  const limit = args[1]?.node;
  const most = limit?.kind === 'literal' && typeof limit.value === 'bigint' ? (limit.value < 0n ? UNBOUNDED : Number(limit.value)) : size.max;
  return { cost: scale(size, 2 * TRAVERSAL), size: { min: 0, max: most } };
};

const join: Estimator = (call) => {
  const { target, args } = call;
  if (target === undefined) return undefined;
  const count = sizeOf(target, call);
  const element = elementSize(target, call);
  let size = element === undefined ? exactly(0) : multiply(count, element.size);
  if (args[0]) size = add(size, multiply(sizeOf(args[0], call), { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) }));
  return { cost: scale(size, TRAVERSAL), size };
};

const find: Estimator = (call) => {
  const { target, args } = call;
  if (target === undefined || args.length === 0) return undefined;
  const size = sizeOf(target, call);
  return { cost: multiply(scale(add(size, exactly(1)), TRAVERSAL), scale(sizeOf(args[0]!, call), PATTERN)), size: { min: 0, max: size.max } };
};

/** Bytes of an address. */
const ADDRESS: Range = { min: 4, max: 16 };

const containsAddress = (network: boolean): Estimator => (call) => {
  let cost = scale(add(ADDRESS, ADDRESS), TRAVERSAL);
  if (network) cost = add(cost, scale(ADDRESS, TRAVERSAL), exactly(1));
  if (call.overload.endsWith('_string')) cost = add(cost, scale(sizeOf(call.args[0]!, call), TRAVERSAL));
  return { cost };
};

const NAME_PATTERN_MAX = 128;
const FORMAT_NAME_MAX = 64;
const SELECTOR_REQUIREMENTS = 0.5;

const validate: Estimator = (call) => ({ cost: scale(scale(sizeOf(call.args[0]!, call), TRAVERSAL), NAME_PATTERN_MAX * PATTERN) });

const selector: Estimator = (call) => {
  const size = sizeOf(call.args[0]!, call);
  return { cost: add(exactly(LIST_COST), scale(size, TRAVERSAL), scale(scale(size, SELECTOR_REQUIREMENTS), LIST_COST + STRUCT_COST)) };
};

const equality: Estimator = ({ args: [a, b] }) => {
  if (a === undefined || b === undefined || !sameType(a.type, b.type)) return undefined;
  switch (a.type.name) {
    case 'net.IP': case 'net.CIDR': case 'kubernetes.Quantity': case 'kubernetes.Semver': return ONE;
    case 'kubernetes.NamedFormat': return { cost: scale({ min: 1, max: FORMAT_NAME_MAX }, TRAVERSAL) };
    case 'kubernetes.URL': return { cost: scale({ min: 1, max: b.size ? union(b.size, b.size).max : 1 }, TRAVERSAL) };
    default: return undefined;
  }
};

const each = (estimator: Estimator, ...names: readonly string[]): ReadonlyArray<readonly [string, Estimator]> => names.map((name) => [name, estimator]);

const ESTIMATORS: ReadonlyMap<string, Estimator> = new Map([
  ...each(() => ({ cost: exactly(350_000) }), 'check'),
  ...each(one, 'serviceAccount', 'path', 'group', 'resource', 'subresource', 'namespace', 'name', 'allowed', 'reason', 'error', 'errored',
    'masked', 'prefixLength', 'family', 'isUnspecified', 'isLoopback', 'isLinkLocalMulticast', 'isLinkLocalUnicast', 'isGlobalUnicast', 'format.named',
    'sign', 'asInteger', 'isInteger', 'asApproximateFloat', 'isGreaterThan', 'isLessThan', 'compareTo', 'add', 'sub', 'major', 'minor', 'patch',
    'getScheme', 'getHostname', 'getHost', 'getPort', 'getEscapedPath', 'getQuery'),
  ...each(selector, 'fieldSelector', 'labelSelector'),
  ...each(overElements, 'isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'),
  ...each(readText(TRAVERSAL, true), 'url', 'jsonpatch.escapeKey'),
  ...each(sameLength, 'lowerAscii', 'upperAscii', 'substring', 'trim'),
  ['replace', replace], ['split', split], ['join', join], ...each(find, 'find', 'findAll'),
  ...each(readText(TRAVERSAL, false), 'cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver'),
  ['ip', (call) => (call.overload === 'cidr_ip' ? ONE : readText(TRAVERSAL, false)(call))],
  ...each(readText(2 * TRAVERSAL, false), 'ip.isCanonical'),
  ['containsIP', containsAddress(false)], ['containsCIDR', containsAddress(true)], ['validate', validate], ['_==_', equality],
]);

function literalInt(operand: Operand, fallback: number): number {
  const { node } = operand;
  return node.kind === 'literal' && typeof node.value === 'bigint' ? Math.max(0, Number(node.value)) : fallback;
}

function allocating(factor: number, size: Range): CallEstimate {
  return { cost: add(scale(size, factor), exactly(1 + LIST_COST)), size };
}

/** Functions on lists, by their overload. */
function estimateListCall(call: EstimatedCall): CallEstimate | undefined {
  const { overload, target, args } = call;
  const size = target === undefined ? UNKNOWN : sizeOf(target, call);
  const sorting = /^list_(.+)_sort(ByAssociatedKeys)?$/.exec(overload);
  if (sorting) {
    const keys = sorting[2] === undefined ? size : sizeOf(args[0]!, call);
    return allocating(2 + (sorting[1] === 'string' || sorting[1] === 'bytes' ? TRAVERSAL : 0), multiply(keys, keys));
  }
  switch (overload) {
    case 'list_slice': return allocating(1, exactly(Math.max(0, literalInt(args[1]!, size.max) - literalInt(args[0]!, 0))));
    case 'lists_range': return allocating(1, exactly(literalInt(args[0]!, UNBOUNDED)));
    case 'list_reverse': return allocating(1, size);
    case 'list_flatten': return allocating(1, size);
    case 'list_flatten_int': return allocating(literalInt(args[0]!, UNBOUNDED), size);
    case 'list_distinct': return allocating(2, multiply(size, size));
    default: return undefined;
  }
}

/** @returns undefined for what the language's own rules tell. */
export function estimateCall(call: EstimatedCall): CallEstimate | undefined {
  return estimateListCall(call) ?? ESTIMATORS.get(call.name)?.(call);
}
