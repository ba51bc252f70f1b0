/** Warnings about finalizers whose names may collide with somebody else's. */
import { qualifiedNameFaults } from '#machinery/names';

const STANDARD: ReadonlySet<string> = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

/** Of those that are new. */
export function finalizerWarnings(finalizers: readonly string[] | undefined, old: readonly string[] | undefined): string[] {
  const added = [...new Set(finalizers ?? [])].filter((name) => !(old ?? []).includes(name)).sort();
  return added.flatMap((name) => {
    const at = `metadata.finalizers: ${JSON.stringify(name)}: `;
    const texts = qualifiedNameFaults(name).map((text) => at + text);
    if (name.includes('/') || STANDARD.has(name)) return texts;
    const path = name.includes('.') ? ' including a path (/)' : '';
    return [...texts, `${at}prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`];
  });
}
