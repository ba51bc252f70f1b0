/** What plugins remember within one scheduling cycle, by key; copied for preemption's what-if questions. */

export interface StateValue { clone(): StateValue }

export class CycleState {
  readonly #values = new Map<string, StateValue>();
  /** Plugins whose filter (score) is not asked in this cycle. */
  readonly skippedFilters = new Set<string>();
  readonly skippedScores = new Set<string>();

  get<T extends StateValue>(key: string): T | undefined { return this.#values.get(key) as T | undefined; }
  set(key: string, value: StateValue): void { this.#values.set(key, value); }

  clone(): CycleState {
    const copy = new CycleState();
    for (const [key, value] of this.#values) copy.set(key, value.clone());
    for (const name of this.skippedFilters) copy.skippedFilters.add(name);
    for (const name of this.skippedScores) copy.skippedScores.add(name);
    return copy;
  }
}
