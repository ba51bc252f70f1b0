/** Group, version and kind as they stand in `apiVersion` and `kind`. */

export interface GroupVersion {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
}

export interface GroupVersionKind extends GroupVersion {
  readonly kind: string;
}

const NONE: GroupVersion = { group: '', version: '' };

/** @returns undefined where there is more than one slash; both empty for '' and '/'. */
export function parseGroupVersion(apiVersion: string): GroupVersion | undefined {
  if (apiVersion === '' || apiVersion === '/') return NONE;
  const slash = apiVersion.indexOf('/');
  if (slash < 0) return { group: '', version: apiVersion };
  if (apiVersion.includes('/', slash + 1)) return undefined;
  return { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** Upstream's text for what `parseGroupVersion` refuses. */
export function groupVersionFault(apiVersion: string): string {
  return `unexpected GroupVersion string: ${apiVersion}`;
}

export function formatGroupVersion(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `apps/v1, Kind=Deployment`, as in messages. */
export function formatGvk(gvk: GroupVersionKind): string {
  return `${gvk.group}/${gvk.version}, Kind=${gvk.kind}`;
}

/** A malformed apiVersion counts as none, as in owner references. */
export function gvkOf(apiVersion: string | undefined, kind: string | undefined): GroupVersionKind {
  return { ...(parseGroupVersion(apiVersion ?? '') ?? NONE), kind: kind ?? '' };
}

const VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const STABILITY = { alpha: 0, beta: 1 } as const;

/**
 * Kubernetes' order of versions, best first: stable before beta before alpha, higher before lower, and what is no such
 * version last, by the alphabet.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [VERSION.exec(a), VERSION.exec(b)];
  if (left === null || right === null) return left !== null ? -1 : right !== null ? 1 : a < b ? -1 : a > b ? 1 : 0;
  const stability = (match: RegExpExecArray): number => (match[2] === undefined ? 2 : STABILITY[match[2] as 'alpha' | 'beta']);
  return stability(right) - stability(left) || Number(right[1]) - Number(left[1]) || Number(right[3] ?? 0) - Number(left[3] ?? 0);
}
