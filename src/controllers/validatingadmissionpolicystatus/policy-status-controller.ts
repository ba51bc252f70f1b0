/** Writes into the status of validating admission policies what a check of their expressions' types warns of. */
import { validatingadmissionpolicies, type ValidatingAdmissionPolicy } from '#api/generated/admissionregistration/v1';
import type { Client } from '#client/client';
import { discoverVersions } from '#client/discovery';
import type { Result } from '#client/reconcile/reconciler';
import type { DeclaredType } from '#machinery/cel/declared-type';
import { formatGroupVersion, parseGroupVersion, type GroupVersionKind } from '#machinery/gvk';
import { isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { typeOfKind, type OpenApiDocument } from './openapi-types.ts';
import { typeWarnings, type TypeSource } from './type-check.ts';

const NAME = 'validatingadmissionpolicy-status-controller';

export const validatingAdmissionPolicyStatusController: ControllerDefinition = { name: NAME, serviceAccount: NAME, make: makeController };

function makeController(context: ControllerContext): Controller {
  const { client } = context;
  const policies = context.informers.for(validatingadmissionpolicies);
  const loop = keyedLoop(context, { name: NAME, informers: [policies] as const, workers: context.options.concurrentSyncs, reconcile });
  policies.addHandlers({ onAdd: (policy) => { loop.enqueue(policy); }, onUpdate: (_old, policy) => { loop.enqueue(policy); } });

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const policy = policies.get(name);
    const generation = policy?.metadata.generation ?? 0;
    if (policy === undefined || generation <= (policy.status?.observedGeneration ?? 0)) return;
    const expressionWarnings = typeWarnings(policy, await typesFor(client, policy, signal));
    const applied = {
      apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy', metadata: { name },
      status: { observedGeneration: generation, typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings } },
    };
    loop.writes.wrote(name, policies, await client.for(validatingadmissionpolicies).patch(name, 'application/apply-patch+yaml', applied, { fieldManager: NAME, force: true, subresource: 'status', signal }));
  }

  return { run: loop.run };
}

/** The types of everything that the policy names, read beforehand: a document per group version. */
async function typesFor(client: Client, { spec }: ValidatingAdmissionPolicy, signal: AbortSignal): Promise<TypeSource> {
  const known = [...(await discoverVersions(client, { signal })).values()];
  const kindsOf: TypeSource['kindsOf'] = (group, version, resource) =>
    known.filter((one) => one.group === group && one.version === version && one.resource === resource).map(({ kind }) => ({ group, version, kind }));
  const params = parseGroupVersion(spec?.paramKind?.apiVersion ?? '');
  const named = (spec?.matchConstraints?.resourceRules ?? []).flatMap(({ apiGroups = [], apiVersions = [] }) => apiGroups.flatMap((group) => apiVersions.map((version) => formatGroupVersion(group, version))));
  const wanted = new Set([...named, ...(params === undefined ? [] : [formatGroupVersion(params.group, params.version)])]);
  const documents = new Map<string, OpenApiDocument>();
  for (const apiVersion of wanted) {
    if (known.some((one) => formatGroupVersion(one.group, one.version) === apiVersion)) documents.set(apiVersion, await documentOf(client, apiVersion, signal));
  }
  const types = new Map<string, DeclaredType | undefined>();
  return {
    kindsOf,
    typeOf(kind: GroupVersionKind) {
      const apiVersion = formatGroupVersion(kind.group, kind.version);
      const key = `${apiVersion} ${kind.kind}`;
      if (!types.has(key)) types.set(key, typeOfKind(documents.get(apiVersion) ?? {}, kind));
      return types.get(key);
    },
  };
}

/** A version that is gone meanwhile has no types. */
async function documentOf(client: Client, apiVersion: string, signal: AbortSignal): Promise<OpenApiDocument> {
  try {
    return await client.raw<OpenApiDocument>('GET', `/openapi/v3/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`, { signal });
  } catch (error) {
    if (isNotFound(error)) return {};
    throw error;
  }
}
