/**
 * Why a patch could not be applied. The text is upstream's, because clients and webhooks match on it.
 *
 * Patches are applied in the API server and in admission (webhooks, mutating policies), which answer the same fault with
 * different codes; so the fault names its class and the caller chooses the Status.
 */

import type { StatusError } from '../status-error.ts';
import { newBadRequest, newGenericServerResponse, newRequestEntityTooLarge, newUnknownError } from '../status-error.ts';

/**
 * `malformed`: the patch itself is wrong (400). `too-large`: over a limit (413). `inapplicable`: it does not fit this object (422).
 * `internal`: what upstream reports as a bare 500 without a reason.
 */
export type PatchFault = 'malformed' | 'too-large' | 'inapplicable' | 'internal';

export class PatchError extends Error {
  readonly fault: PatchFault;

  constructor(fault: PatchFault, message: string) {
    super(message);
    this.name = 'PatchError';
    this.fault = fault;
  }
}

/** What a PATCH request is answered; other errors pass unchanged. */
export function patchErrorToStatus(error: unknown): unknown {
  if (!(error instanceof PatchError)) return error;
  switch (error.fault) {
    case 'malformed': return newBadRequest(error.message);
    case 'too-large': return newRequestEntityTooLarge(error.message);
    case 'inapplicable': return inapplicable(error.message);
    case 'internal': return newUnknownError(error.message);
  }
}

/** Upstream's text does not say what did not fit. */
function inapplicable(serverMessage: string): StatusError {
  return newGenericServerResponse({
    code: 422, verb: '', group: '', resource: '', name: '', serverMessage, retryAfterSeconds: 0, unexpected: false,
  });
}
