/** The scale of custom resources: which fields hold replicas and selector, and what these may be. */
import type { CustomResourceSubresourceScale } from '#api/generated/apiextensions/v1';
import { invalid, type FieldError } from '#machinery/field-error';
import type { KubeObject } from '#machinery/meta';
import type { JsonMap } from '#machinery/schema/structural';
import { newInternalError, newUnknownError } from '#machinery/status-error';
import type { ResourceDefinition } from '../resources/definition.ts';
import { nestedInteger, nestedText, pathNames, setNested } from './nested-value.ts';

const REPLICAS_MAX = 2 ** 31 - 1;

export function customScale(scale: CustomResourceSubresourceScale): NonNullable<ResourceDefinition['scale']> {
  const read = <T>(object: KubeObject, path: string | undefined, get: (object: JsonMap, names: readonly string[]) => T | undefined, none: T): T => {
    if (!path) return none;
    try { return get(object as unknown as JsonMap, pathNames(path)) ?? none; } catch (error) { throw newUnknownError((error as Error).message); }
  };
  return {
    replicas: (object) => read(object, scale.specReplicasPath, nestedInteger, 0),
    setReplicas: (object, replicas) => { setNested(object as unknown as JsonMap, pathNames(scale.specReplicasPath), replicas); },
    statusReplicas: (object) => read(object, scale.statusReplicasPath, nestedInteger, 0),
    selector: (object) => read(object, scale.labelSelectorPath, nestedText, ''),
    requireReplicas(object) {
      if (read<number | undefined>(object, scale.specReplicasPath, nestedInteger, undefined) !== undefined) return;
      throw newInternalError(new Error(`the spec replicas field ${JSON.stringify(scale.specReplicasPath)} does not exist`));
    },
  };
}

export function scaleSpecFaults(object: JsonMap, scale: CustomResourceSubresourceScale | undefined): FieldError[] {
  return scale === undefined ? [] : replicasFaults(object, scale.specReplicasPath);
}

export function scaleStatusFaults(object: JsonMap, scale: CustomResourceSubresourceScale | undefined): FieldError[] {
  if (scale === undefined) return [];
  const errors = replicasFaults(object, scale.statusReplicasPath);
  if (!scale.labelSelectorPath) return errors;
  try { nestedText(object, pathNames(scale.labelSelectorPath)); } catch (error) { errors.push(invalid(scale.labelSelectorPath, '', (error as Error).message)); }
  return errors;
}

function replicasFaults(object: JsonMap, path: string): FieldError[] {
  try {
    const replicas = nestedInteger(object, pathNames(path)) ?? 0;
    if (replicas < 0) return [invalid(path, replicas, 'should be a non-negative integer')];
    return replicas > REPLICAS_MAX ? [invalid(path, replicas, `should be less than or equal to ${REPLICAS_MAX}`)] : [];
  } catch (error) {
    return [invalid(path, 0, (error as Error).message)];
  }
}
