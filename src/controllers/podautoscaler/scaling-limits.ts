/**
 * How fast the number of replicas may follow the recommendation: stabilisation windows, policies, bounds.
 *
 * Without `behavior`: down to the highest recommendation of the last five minutes, up to twice the size (or 4) at once.
 * It remembers recommendations and changes per autoscaler; after a restart it begins with the present size.
 */
import type { HorizontalPodAutoscaler, HPAScalingRules } from '#api/generated/autoscaling/v2';

const DOWNSCALE_WINDOW_MS = 300_000;
const HISTORY_MAX = 1000;

export interface LimitedSize {
  readonly replicas: number;
  readonly able: { readonly reason: string; readonly message: string };
  readonly limited: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string };
}

interface Recommendation { readonly replicas: number; readonly atMs: number }
interface Change { readonly by: number; readonly atMs: number }
interface Memory { recommendations: Recommendation[]; ups: Change[]; downs: Change[] }

const READY = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const DOWN_STABILIZED = { reason: 'ScaleDownStabilized', message: 'recent recommendations were higher than current one, applying the highest recent recommendation' };
const UP_STABILIZED = { reason: 'ScaleUpStabilized', message: 'recent recommendations were lower than current one, applying the lowest recent recommendation' };

export class ScalingLimits {
  readonly #memories = new Map<string, Memory>();

  forget(key: string): void { this.#memories.delete(key); }

  noteSize(key: string, replicas: number, nowMs: number): void {
    if (!this.#memories.has(key)) this.#memories.set(key, { recommendations: [{ replicas, atMs: nowMs }], ups: [], downs: [] });
  }

  noteChange(key: string, from: number, to: number, nowMs: number): void {
    const memory = this.#memory(key);
    (to > from ? memory.ups : memory.downs).push({ by: Math.abs(to - from), atMs: nowMs });
  }

  apply(key: string, hpa: HorizontalPodAutoscaler, current: number, recommended: number, nowMs: number): LimitedSize {
    const memory = this.#memory(key);
    const { behavior } = hpa.spec!;
    const bounds = { min: hpa.spec!.minReplicas ?? 1, max: hpa.spec!.maxReplicas };
    const downWindowMs = (behavior?.scaleDown?.stabilizationWindowSeconds ?? DOWNSCALE_WINDOW_MS / 1000) * 1000;
    const upWindowMs = (behavior?.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000;
    const recent = (windowMs: number): number[] => memory.recommendations.filter(({ atMs }) => atMs > nowMs - windowMs).map(({ replicas }) => replicas);
    const highest = Math.max(recommended, ...recent(downWindowMs));
    const stable = behavior === undefined ? highest : Math.min(Math.max(current, Math.min(recommended, ...recent(upWindowMs))), highest);
    memory.recommendations = [...memory.recommendations.filter(({ atMs }) => atMs > nowMs - Math.max(downWindowMs, upWindowMs)), { replicas: recommended, atMs: nowMs }].slice(-HISTORY_MAX);
    const able = stable === recommended ? READY : behavior !== undefined && recommended >= current ? UP_STABILIZED : DOWN_STABILIZED;
    const [replicas, reason, message] = behavior === undefined ? withinBounds(current, stable, bounds) : withinPolicies(memory, behavior, current, stable, bounds, nowMs);
    return { replicas, able, limited: { status: replicas === stable ? 'False' : 'True', reason, message } };
  }

  #memory(key: string): Memory {
    let memory = this.#memories.get(key);
    if (memory === undefined) this.#memories.set(key, memory = { recommendations: [], ups: [], downs: [] });
    return memory;
  }
}

type Bounded = [replicas: number, reason: string, message: string];
interface Bounds { readonly min: number; readonly max: number }

const FINE = ['DesiredWithinRange', 'the desired count is within the acceptable range'] as const;
const TOO_MANY = ['TooManyReplicas', 'the desired replica count is more than the maximum replica count'] as const;
const TOO_FEW = ['TooFewReplicas', 'the desired replica count is less than the minimum replica count'] as const;
const UP_LIMIT = ['ScaleUpLimit', 'the desired replica count is increasing faster than the maximum scale rate'] as const;
const DOWN_LIMIT = ['ScaleDownLimit', 'the desired replica count is decreasing faster than the maximum scale rate'] as const;

function withinBounds(current: number, wanted: number, bounds: Bounds): Bounded {
  const rate = Math.max(2 * current, 4);
  const [max, text] = bounds.max > rate ? [rate, UP_LIMIT] : [bounds.max, TOO_MANY];
  if (wanted < bounds.min) return [bounds.min, ...TOO_FEW];
  return wanted > max ? [max, ...text] : [wanted, ...FINE];
}

function withinPolicies(memory: Memory, behavior: { scaleUp?: HPAScalingRules; scaleDown?: HPAScalingRules }, current: number, wanted: number, bounds: Bounds, nowMs: number): Bounded {
  if (wanted > current) {
    const rate = Math.max(current, rateLimit(memory, behavior.scaleUp, current, nowMs, 1));
    const [max, text] = bounds.max > rate ? [rate, UP_LIMIT] : [bounds.max, TOO_MANY];
    if (wanted > max) return [max, ...text];
  } else if (wanted < current) {
    const rate = Math.min(current, rateLimit(memory, behavior.scaleDown, current, nowMs, -1));
    const [min, text] = bounds.min < rate ? [rate, DOWN_LIMIT] : [bounds.min, TOO_FEW];
    if (wanted < min) return [min, ...text];
  }
  return [wanted, ...FINE];
}

/** The size that the policies allow now: by pods or percent, counted from the size at the start of each period. */
function rateLimit(memory: Memory, rules: HPAScalingRules | undefined, current: number, nowMs: number, sign: 1 | -1): number {
  if (rules?.selectPolicy === 'Disabled') return current;
  const changed = (changes: readonly Change[], seconds: number): number => changes.filter(({ atMs }) => atMs > nowMs - seconds * 1000).reduce((sum, { by }) => sum + by, 0);
  const sizes = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = current - changed(memory.ups, periodSeconds) + changed(memory.downs, periodSeconds);
    if (type === 'Pods') return start + sign * value;
    return sign > 0 ? Math.ceil(start * (1 + value / 100)) : Math.trunc(start * (1 - value / 100));
  });
  if (sizes.length === 0) return current;
  const least = rules?.selectPolicy === 'Min';
  return (sign > 0) === least ? Math.min(...sizes) : Math.max(...sizes);
}
