/** Warnings about files that would hide each other inside one volume. */
import type { KeyToPath, Volume, VolumeProjection } from '#api/generated/core/v1';
import { quote } from '#machinery/go-print';

interface PathAndSource { readonly path: string; readonly source: string }

export function overlappingPathWarnings(volumes: readonly Volume[]): string[] {
  const warnings: string[] = [];
  for (const volume of volumes) {
    const keyed: [string, { path?: string }[] | undefined][] = [
      [`ConfigMap ${quote(volume.configMap?.name ?? '')}`, volume.configMap?.items],
      [`Secret ${quote(volume.secret?.secretName ?? '')}`, volume.secret?.items],
      ['DownwardAPI', volume.downwardAPI?.items],
    ];
    for (const [what, items] of keyed) {
      for (const overlap of overlaps([pathsOf(items ?? [], '')])) warnings.push(warning(volume.name, what, overlap));
    }
    const lists: PathAndSource[][] = [];
    for (const source of volume.projected?.sources ?? []) {
      if (Object.values(source).every((value) => value === undefined)) {
        warnings.push(`volume ${quote(volume.name)} (Projected) has no sources provided`);
      }
      lists.push(projectedPaths(source));
    }
    for (const overlap of overlaps(lists)) warnings.push(warning(volume.name, 'Projected', overlap));
  }
  return warnings;
}

function warning(volume: string, what: string, overlap: string): string {
  return `volume ${quote(volume)} (${what}): overlapping paths: ${overlap}`;
}

function pathsOf(items: readonly { path?: string }[], source: string): PathAndSource[] {
  return items.map((item) => ({ path: item.path ?? '', source }));
}

function projectedPaths(source: VolumeProjection): PathAndSource[] {
  if (source.configMap?.items) return pathsOf(source.configMap.items as KeyToPath[], `ConfigMap ${quote(source.configMap.name ?? '')}`);
  if (source.secret?.items) return pathsOf(source.secret.items as KeyToPath[], `Secret ${quote(source.secret.name ?? '')}`);
  if (source.downwardAPI?.items) return pathsOf(source.downwardAPI.items, 'DownwardAPI');
  if (source.serviceAccountToken) return pathsOf([source.serviceAccountToken], 'ServiceAccountToken');
  const bundle = source.clusterTrustBundle;
  if (bundle) return pathsOf([bundle], `ClusterTrustBundle ${quote(bundle.name ?? bundle.signerName ?? '')}`);
  const certificate = source.podCertificate;
  return [
    { path: certificate?.certificateChainPath ?? '', source: 'PodCertificate chain' },
    { path: certificate?.keyPath ?? '', source: 'PodCertificate key' },
    { path: certificate?.credentialBundlePath ?? '', source: 'PodCertificate credential bundle' },
  ].filter(({ path }) => path !== '');
}

function overlaps(lists: readonly PathAndSource[][]): string[] {
  const texts: string[] = [];
  const before: PathAndSource[] = [];
  for (const { path: raw, source } of lists.flat()) {
    const entry = { path: raw.replace(/\/+$/, ''), source };
    for (const other of before) if (overlap(entry.path, other.path)) texts.push(`${print(entry)} with ${print(other)}`);
    before.push(entry);
  }
  return texts;
}

function overlap(a: string, b: string): boolean {
  return a !== '' && b !== '' && (`${a}/`.startsWith(`${b}/`) || `${b}/`.startsWith(`${a}/`));
}

function print({ path, source }: PathAndSource): string {
  return source === '' ? quote(path) : `${quote(path)} (${source})`;
}
