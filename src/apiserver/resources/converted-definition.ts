/**
 * The rules of a stored version for another version that is served from it: the object is converted, judged and changed there,
 * and converted back. For versions that have no definition of their own.
 */
import type { ResourceInfo } from '#api/registry';
import type { KubeObject } from '#machinery/meta';
import type { Conversion } from '../served-resource.ts';
import type { ResourceDefinition, Strategy } from './definition.ts';

type Rules = Pick<Strategy<KubeObject>, 'prepareForUpdate' | 'validateUpdate' | 'warningsOnUpdate'>;

export function convertedDefinition(info: ResourceInfo, stored: ResourceDefinition, conversion: Conversion): ResourceDefinition {
  const there = (object: KubeObject): KubeObject => conversion.toStored(structuredClone(object));
  /** Replaces the object's content with the converted one's. */
  const back = (object: KubeObject, changed: KubeObject): void => {
    const result = conversion.fromStored(changed) as unknown as Record<string, unknown>;
    const target = object as unknown as Record<string, unknown>;
    const { apiVersion, kind, metadata } = object;
    for (const key of Object.keys(target)) delete target[key];
    // The caller may hold the metadata.
    const meta = result['metadata'] as object;
    for (const key of Object.keys(metadata)) if (!Object.hasOwn(meta, key)) delete metadata[key as keyof typeof metadata];
    Object.assign(target, result, { apiVersion, kind, metadata: Object.assign(metadata, meta) });
  };
  const rules = (own: Rules): Rules => ({
    prepareForUpdate(object, old, context) {
      const changed = there(object);
      own.prepareForUpdate?.(changed, there(old), context);
      back(object, changed);
    },
    validateUpdate: (object, old, context) => own.validateUpdate?.(there(object), there(old), context) ?? [],
    warningsOnUpdate: (object, old, context) => own.warningsOnUpdate?.(there(object), there(old), context) ?? [],
  });
  const { strategy, statusStrategy } = stored;
  const { selectableFields: _fields, ...rest } = stored;
  return {
    ...rest, resource: { ...stored.resource, group: info.group, version: info.version }, schema: info.type,
    strategy: {
      ...rules(strategy),
      defaults(object) {
        const changed = there(object);
        strategy.defaults?.(changed);
        back(object, changed);
      },
      prepareForCreate(object, context) {
        const changed = there(object);
        strategy.prepareForCreate?.(changed, context);
        back(object, changed);
      },
      validateCreate: (object, context) => strategy.validateCreate?.(there(object), context) ?? [],
      warningsOnCreate: (object, context) => strategy.warningsOnCreate?.(there(object), context) ?? [],
    },
    ...(statusStrategy === undefined ? {} : { statusStrategy: rules(statusStrategy) }),
  };
}
