/** Of the objects marked as default by an annotation, the newest; by name among those of one second. */
import type { KubeObject } from '#machinery/meta';

export function newestDefault<T extends KubeObject>(objects: readonly T[], annotations: readonly string[]): T | undefined {
  const marked = objects.filter(({ metadata }) => annotations.some((key) => metadata.annotations?.[key] === 'true'));
  return marked.sort((a, b) => {
    const byAge = (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '');
    return byAge !== 0 ? byAge : (a.metadata.name! < b.metadata.name! ? -1 : 1);
  })[0];
}
