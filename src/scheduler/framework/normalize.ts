/** Maps scores to 0 … 100. */

export const SCORE_MAX = 100;

/** The highest becomes 100, the rest in proportion; `reverse`: lower was better. All zero stays (or becomes all 100). */
export function normalizeScores(scores: Map<string, number>, reverse: boolean): void {
  const highest = Math.max(0, ...scores.values());
  for (const [name, score] of scores) {
    const scaled = highest === 0 ? 0 : Math.trunc((SCORE_MAX * score) / highest);
    scores.set(name, reverse ? SCORE_MAX - scaled : scaled);
  }
}
