/**
 * The addresses or names under which a load balancer answers, sorted, each once.
 */
export function ingressPoints(ingress: readonly { readonly ip?: string; readonly hostname?: string }[] | undefined): string {
  const points = (ingress ?? []).map(({ ip, hostname }) => (ip === undefined || ip === '' ? hostname ?? '' : ip));
  return [...new Set(points.filter((point) => point !== ''))].sort().join(',');
}
