/**
 * Keeps writes of former leaders out. A request that names its leader's term is stored in one transaction with the
 * condition that the lease has not changed since we saw that term in it; when it has, we look again.
 *
 *     lease seen: term 4 at revision 90 ─▶ write if lease is at 90 ─▶ done
 *                                                 └─ renewed (91): look, still term 4 ─▶ write if lease is at 91
 *                                                 └─ taken (92): term 5 ─▶ 409
 */
import { LEADER_TERM_HEADER, parseLeaderTerm, type LeaderTerm } from '#client/leader-election/leader-term';
import { newBadRequest, newConflict, newStatusError } from '#machinery/status-error';
import type { StorageEngine, WriteRequest, WriteResult } from '#storage/contract';
import { header } from '../context.ts';
import type { ApiRequest } from '../request.ts';
import { storagePrefix } from './prefixes.ts';

interface SeenLease { readonly uid: string; readonly transitions: number; readonly revision: number }

const GROUP = 'coordination.k8s.io';
const LEASES = storagePrefix(GROUP, 'leases');
/** Leases are renewed every few seconds: losing this often means that something else goes wrong. */
const ATTEMPTS_MAX = 10;
const SEEN_MAX = 64;

/** @throws StatusError 400 */
export function leaderTermOf(request: ApiRequest): LeaderTerm | undefined {
  const text = header(request, LEADER_TERM_HEADER);
  if (text === '') return undefined;
  const term = parseLeaderTerm(text);
  if (term === undefined) throw newBadRequest(`header ${LEADER_TERM_HEADER} is not of the form "namespace/name uid transitions"`);
  return term;
}

export class LeaderFence {
  readonly #engine: StorageEngine;
  readonly #seen = new Map<string, SeenLease>();

  constructor(engine: StorageEngine) {
    this.#engine = engine;
  }

  /** @throws StatusError 409 when the term is over */
  async write(request: WriteRequest, term: LeaderTerm | undefined): Promise<WriteResult> {
    if (term === undefined) return this.#engine.write(request);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const modRevision = await this.#revisionOf(term);
      const result = await this.#engine.write({ ...request, guard: { key: LEASES + term.lease, modRevision } });
      if (result.ok || result.fenced !== true) return result;
      this.#seen.delete(term.lease);
    }
    throw newStatusError(409, 'Conflict', `the lease ${term.lease} changes too often`);
  }

  /** Of the lease in this term. */
  async #revisionOf(term: LeaderTerm): Promise<number> {
    const isOf = (seen: SeenLease | undefined): seen is SeenLease => seen !== undefined && seen.uid === term.leaseUid && seen.transitions === term.transitions;
    const known = this.#seen.get(term.lease);
    if (isOf(known)) return known.revision;
    const seen = await this.#read(term.lease);
    if (!isOf(seen)) throw newConflict(GROUP, 'leases', term.lease.slice(term.lease.indexOf('/') + 1), 'the leader that sent this request is no longer the leader');
    if (this.#seen.size >= SEEN_MAX) this.#seen.clear();
    this.#seen.set(term.lease, seen);
    return seen.revision;
  }

  async #read(lease: string): Promise<SeenLease | undefined> {
    const found = await this.#engine.get(LEASES + lease);
    if (found === undefined) return undefined;
    const { metadata, spec } = JSON.parse(found.value.toString('utf8')) as { metadata: { uid?: string }; spec?: { leaseTransitions?: number } };
    return { uid: metadata.uid ?? '', transitions: spec?.leaseTransitions ?? 0, revision: found.modRevision };
  }
}
