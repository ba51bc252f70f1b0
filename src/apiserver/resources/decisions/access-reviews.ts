/** SubjectAccessReview and its kin: may this user do that? Answered by the same authorizer that judges requests. */
import type {
  LocalSubjectAccessReview, NonResourceAttributes, ResourceAttributes, SelfSubjectAccessReview, SubjectAccessReview, SubjectAccessReviewSpec,
} from '#api/generated/authorization/v1';
import { invalid, path, PrintedValue, type FieldError, type FieldPath } from '#machinery/field-error';
import type { KubeObject } from '#machinery/meta';
import { newBadRequest, newInvalid } from '#machinery/status-error';
import type { AuthorizationAttributes, Authorizer } from '../../authz/authorizer.ts';
import type { UserInfo } from '../../request.ts';
import type { DecisionResource } from '../decision.ts';
import { readSelectors, selectorFaults } from './review-selectors.ts';

const GROUP = 'authorization.k8s.io';
const API_VERSION = `${GROUP}/v1`;

type Questioned = { resourceAttributes?: ResourceAttributes; nonResourceAttributes?: NonResourceAttributes };

export function subjectAccessReview(authorizer: Authorizer): DecisionResource<SubjectAccessReview> {
  return {
    ...resource('subjectaccessreviews', 'SubjectAccessReview', false),
    async create(review, context) {
      refuse([...specFaults(review.spec), ...subjectFaults(review.spec), ...metaFaults(review, 'must be empty')]);
      await context.validate(review);
      return answer(review, 'SubjectAccessReview', subjectOf(review.spec), review.spec, authorizer);
    },
  };
}

export function selfSubjectAccessReview(authorizer: Authorizer): DecisionResource<SelfSubjectAccessReview> {
  return {
    ...resource('selfsubjectaccessreviews', 'SelfSubjectAccessReview', false),
    async create(review, context) {
      refuse([...specFaults(review.spec), ...metaFaults(review, 'must be empty')]);
      await context.validate(review);
      return answer(review, 'SelfSubjectAccessReview', context.user, review.spec, authorizer);
    },
  };
}

export function localSubjectAccessReview(authorizer: Authorizer): DecisionResource<LocalSubjectAccessReview> {
  return {
    ...resource('localsubjectaccessreviews', 'LocalSubjectAccessReview', true),
    async create(review, context) {
      const { spec, metadata } = review;
      const { namespace = '', ...rest } = metadata;
      const faults = [...specFaults(spec), ...subjectFaults(spec), ...metaFaults({ metadata: rest }, 'must be empty except for namespace')];
      if (spec.resourceAttributes !== undefined && (spec.resourceAttributes.namespace ?? '') !== namespace) {
        faults.push(invalid('spec.resourceAttributes.namespace', spec.resourceAttributes.namespace ?? '', 'must match metadata.namespace'));
      }
      if (spec.nonResourceAttributes !== undefined) faults.push(invalid('spec.nonResourceAttributes', printed(spec.nonResourceAttributes), 'disallowed on this kind of request'));
      refuse(faults);
      if (namespace !== context.namespace) throw newBadRequest(`spec.resourceAttributes.namespace must match namespace: ${context.namespace}`);
      await context.validate(review);
      return answer(review, 'LocalSubjectAccessReview', subjectOf(spec), spec, authorizer);
    },
  };
}

function resource(name: string, kind: string, namespaced: boolean): Omit<DecisionResource, 'create'> {
  return { group: GROUP, version: 'v1', resource: name, subresource: '', namespaced, kind, schema: `authorization/v1.${kind}` };
}

function refuse(faults: readonly FieldError[]): void {
  if (faults.length > 0) throw newInvalid(GROUP, '', '', faults);
}

function specFaults(spec: Questioned | undefined): FieldError[] {
  const faults: FieldError[] = [];
  const { resourceAttributes, nonResourceAttributes } = spec ?? {};
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    faults.push(invalid('spec.nonResourceAttributes', printed(nonResourceAttributes), 'cannot be specified in combination with resourceAttributes'));
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    faults.push(invalid('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'));
  }
  const at: FieldPath = path('spec', 'resourceAttributes');
  return [...faults, ...(resourceAttributes === undefined ? [] : selectorFaults(resourceAttributes, at))];
}

function subjectFaults(spec: SubjectAccessReviewSpec | undefined): FieldError[] {
  const someone = (spec?.user ?? '') !== '' || (spec?.groups ?? []).length > 0;
  return someone ? [] : [invalid('spec.user', '', 'at least one of user or group must be specified')];
}

function metaFaults({ metadata }: KubeObject, text: string): FieldError[] {
  const { managedFields: _managed, creationTimestamp: _created, ...rest } = metadata;
  const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
  return Object.values(rest).every(isEmpty) ? [] : [invalid('metadata', metadata, text)];
}

/** As upstream prints its internal struct. */
function printed({ path: url = '', verb = '' }: NonResourceAttributes): PrintedValue {
  return new PrintedValue(JSON.stringify({ Path: url, Verb: verb }));
}

function subjectOf(spec: SubjectAccessReviewSpec): UserInfo {
  return {
    name: spec.user ?? '', groups: spec.groups ?? [], ...(spec.uid === undefined ? {} : { uid: spec.uid }), ...(spec.extra === undefined ? {} : { extra: spec.extra }),
  };
}

async function answer(review: KubeObject, kind: string, user: UserInfo, spec: Questioned, authorizer: Authorizer): Promise<KubeObject> {
  const { attributes, errors } = attributesFrom(user, spec);
  const { decision, reason, error } = await authorizer.authorize(attributes);
  const evaluationError = [...(error === undefined ? [] : [error]), ...errors].join('; ');
  const status = {
    allowed: decision === 'allow', ...(decision === 'deny' ? { denied: true } : {}),
    ...(reason === '' ? {} : { reason }), ...(evaluationError === '' ? {} : { evaluationError }),
  };
  return { ...review, kind, apiVersion: API_VERSION, status } as KubeObject;
}

function attributesFrom(user: UserInfo, spec: Questioned): { attributes: AuthorizationAttributes; errors: string[] } {
  const none = { user, namespace: '', group: '', version: '', resource: '', subresource: '', name: '', path: '' };
  const about = spec.resourceAttributes;
  if (about === undefined) {
    const { path: url = '', verb = '' } = spec.nonResourceAttributes ?? {};
    return { attributes: { ...none, verb, path: url, isResourceRequest: false }, errors: [] };
  }
  const { fieldSelector, labelSelector, errors } = readSelectors(about);
  return {
    attributes: {
      ...none, verb: about.verb ?? '', namespace: about.namespace ?? '', group: about.group ?? '', version: about.version || '*', resource: about.resource ?? '',
      subresource: about.subresource ?? '', name: about.name ?? '', isResourceRequest: true, fieldSelector, labelSelector,
    },
    errors,
  };
}

