/**
 * Counters, gauges and histograms in the Prometheus text format.
 *
 * Metrics are declared once by name with their label names; names and labels are Kubernetes' own. Recording is an array
 * look-up, so that hot paths may count.
 */

export interface Counter { inc(labels?: readonly string[], by?: number): void }
export interface Gauge { set(value: number, labels?: readonly string[]): void; add(by: number, labels?: readonly string[]): void }
export interface Histogram {
  observe(value: number, labels?: readonly string[]): void;
  /** One series, for hot paths: its labels are looked up once. */
  series(labels: readonly string[]): (value: number) => void;
}
/** Labels and value. */
export type Sample = readonly [labels: readonly string[], value: number];

export interface MetricOptions { name: string; help: string; labels?: readonly string[]; stability?: 'ALPHA' | 'BETA' | 'STABLE' }

/** Upstream's default buckets, seconds. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class MetricsRegistry {
  readonly #families = new Map<string, () => string>();
  readonly #metrics = new Map<string, unknown>();

  counter(options: MetricOptions): Counter {
    return this.#once(options, () => {
      const values = new Map<string, number>(withoutLabels(options) ? [['', 0]] : []);
      this.#families.set(options.name, () => render(options, 'counter', values));
      return { inc: (labels = [], by = 1) => { const key = labels.join('\0'); values.set(key, (values.get(key) ?? 0) + by); } };
    });
  }

  gauge(options: MetricOptions): Gauge {
    return this.#once(options, () => {
      const values = new Map<string, number>();
      this.#families.set(options.name, () => render(options, 'gauge', values));
      return {
        set: (value, labels = []) => { values.set(labels.join('\0'), value); },
        add: (by, labels = []) => { const key = labels.join('\0'); values.set(key, (values.get(key) ?? 0) + by); },
      };
    });
  }

  /** A gauge whose value is read when the metrics are scraped. */
  observedGauge(options: MetricOptions, read: () => number): void {
    this.#families.set(options.name, () => render(options, 'gauge', new Map([['', read()]])));
  }

  /** The same with labels, or of another type. */
  observed(options: MetricOptions & { type?: 'counter' | 'gauge' }, read: () => Iterable<Sample>): void {
    this.#families.set(options.name, () => render(options, options.type ?? 'gauge', new Map([...read()].map(([labels, value]) => [labels.join('\0'), value]))));
  }

  /** Sum and count, without quantiles. */
  summary(options: MetricOptions): Histogram {
    return this.#once(options, () => {
      const series = new Map<string, { sum: number; total: number }>();
      this.#families.set(options.name, () => renderSummary(options, series));
      const of = (labels: readonly string[]) => {
        const key = labels.join('\0');
        return (value: number): void => {
          let entry = series.get(key);
          if (entry === undefined) { entry = { sum: 0, total: 0 }; series.set(key, entry); }
          entry.sum += value;
          entry.total++;
        };
      };
      return { series: of, observe: (value, labels = []) => { of(labels)(value); } };
    });
  }

  histogram(options: MetricOptions & { buckets?: readonly number[] }): Histogram {
    return this.#once(options, () => {
      const buckets = options.buckets ?? DEFAULT_BUCKETS;
      const series = new Map<string, { counts: number[]; sum: number; total: number }>(withoutLabels(options) ? [['', { counts: buckets.map(() => 0), sum: 0, total: 0 }]] : []);
      this.#families.set(options.name, () => renderHistogram(options, buckets, series));
      const note = (key: string, value: number): void => {
        let entry = series.get(key);
        if (entry === undefined) { entry = { counts: buckets.map(() => 0), sum: 0, total: 0 }; series.set(key, entry); }
        entry.sum += value;
        entry.total++;
        let index = 0;
        while (index < buckets.length && value > buckets[index]!) index++;
        if (index < buckets.length) entry.counts[index]!++;
      };
      return {
        observe: (value, labels = []) => { note(labels.join('\0'), value); },
        series: (labels) => { const key = labels.join('\0'); return (value) => { note(key, value); }; },
      };
    });
  }

  /** All metrics, sorted by name, in the Prometheus text format 0.0.4. */
  text(): string {
    return [...this.#families.keys()].sort().map((name) => this.#families.get(name)!()).join('');
  }

  #once<T>(options: MetricOptions, make: () => T): T {
    const found = this.#metrics.get(options.name);
    if (found !== undefined) return found as T;
    const made = make();
    this.#metrics.set(options.name, made);
    return made;
  }
}

/** What has no labels has one series from the start. */
function withoutLabels(options: MetricOptions): boolean { return (options.labels ?? []).length === 0; }

function labelText(names: readonly string[], key: string, extra = ''): string {
  const values = names.length === 0 ? [] : key.split('\0');
  const pairs = names.map((name, i) => `${name}="${(values[i] ?? '').replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`);
  if (extra !== '') pairs.push(extra);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function heading(options: MetricOptions, type: string): string {
  return `# HELP ${options.name} [${options.stability ?? 'ALPHA'}] ${options.help}\n# TYPE ${options.name} ${type}\n`;
}

function render(options: MetricOptions, type: string, values: ReadonlyMap<string, number>): string {
  let text = heading(options, type);
  for (const [key, value] of values) text += `${options.name}${labelText(options.labels ?? [], key)} ${value}\n`;
  return text;
}

function renderSummary(options: MetricOptions, series: ReadonlyMap<string, { sum: number; total: number }>): string {
  let text = heading(options, 'summary');
  for (const [key, { sum, total }] of series) {
    const labels = labelText(options.labels ?? [], key);
    text += `${options.name}_sum${labels} ${sum}\n${options.name}_count${labels} ${total}\n`;
  }
  return text;
}

function renderHistogram(options: MetricOptions, buckets: readonly number[], series: ReadonlyMap<string, { counts: number[]; sum: number; total: number }>): string {
  let text = heading(options, 'histogram');
  const names = options.labels ?? [];
  for (const [key, { counts, sum, total }] of series) {
    let cumulative = 0;
    buckets.forEach((bound, i) => {
      cumulative += counts[i]!;
      text += `${options.name}_bucket${labelText(names, key, `le="${bound}"`)} ${cumulative}\n`;
    });
    text += `${options.name}_bucket${labelText(names, key, 'le="+Inf"')} ${total}\n`;
    text += `${options.name}_sum${labelText(names, key)} ${sum}\n${options.name}_count${labelText(names, key)} ${total}\n`;
  }
  return text;
}
