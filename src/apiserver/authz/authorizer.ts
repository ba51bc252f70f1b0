/** What an authorizer is. They are asked in order; the first that allows or denies decides; no opinion at all is a denial. */
import type { UserInfo } from '../request.ts';

export interface AuthorizationAttributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly namespace: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  readonly isResourceRequest: boolean;
  /** For requests that are not about a resource. */
  readonly path: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface Decision {
  readonly decision: 'allow' | 'deny' | 'no-opinion';
  readonly reason: string;
  readonly error?: string;
}

export const NO_OPINION: Decision = { decision: 'no-opinion', reason: '' };

export interface Authorizer {
  readonly name: string;
  authorize(attributes: AuthorizationAttributes): Promise<Decision> | Decision;
}

/** One authorizer of several: their order decides. Reasons and errors of those without an opinion are joined. */
export function chainAuthorizers(authorizers: readonly Authorizer[]): Authorizer {
  return {
    name: 'union',
    authorize(attributes) {
      const reasons: string[] = [];
      const errors: string[] = [];
      const settle = (decision: Decision): Decision | undefined => {
        if (decision.reason !== '') reasons.push(decision.reason);
        if (decision.error !== undefined) errors.push(decision.error);
        if (decision.decision === 'allow') return decision;
        return decision.decision === 'deny' ? joined('deny', reasons, errors) : undefined;
      };
      const from = (start: number): Promise<Decision> | Decision => {
        for (let i = start; i < authorizers.length; i++) {
          const answer = authorizers[i]!.authorize(attributes);
          if (answer instanceof Promise) return answer.then((decision) => settle(decision) ?? from(i + 1));
          const settled = settle(answer);
          if (settled !== undefined) return settled;
        }
        return joined('no-opinion', reasons, errors);
      };
      return from(0);
    },
  };
}

function joined(decision: 'deny' | 'no-opinion', reasons: readonly string[], errors: readonly string[]): Decision {
  const reason = reasons.join('\n');
  return errors.length === 0 ? { decision, reason } : { decision, reason, error: errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]` };
}
