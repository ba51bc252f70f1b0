/** What this server is and which features are on, under upstream's metric names. */
import type { MetricsRegistry, Sample } from '#base/metrics';
import { KNOWN_FEATURES } from '#component/known-features';
import { KUBERNETES_MINOR, versionDocument, type BuildInfo } from '../discovery/version.ts';

const STAGES: Readonly<Record<string, string>> = { alpha: 'ALPHA', beta: 'BETA', stable: '', deprecated: 'DEPRECATED' };

export function observeBuild(metrics: MetricsRegistry, build: BuildInfo, featureEnabled: (name: string) => boolean): void {
  const info = versionDocument(build);
  const named: readonly (readonly [string, string])[] = [
    ['build_date', info['buildDate']!], ['compiler', info['compiler']!], ['git_commit', info['gitCommit']!], ['git_tree_state', info['gitTreeState']!], ['git_version', info['gitVersion']!],
    ['go_version', info['goVersion']!], ['major', info['major']!], ['minor', info['minor']!], ['platform', info['platform']!],
  ];
  metrics.observed({ name: 'kubernetes_build_info', labels: named.map(([label]) => label), help: 'A metric with a constant \'1\' value labeled by major, minor, git version, git commit, git tree state, build date, runtime version, and platform.' },
    () => [[named.map(([, value]) => value), 1]]);
  metrics.observed({ name: 'kubernetes_feature_enabled', stability: 'BETA', labels: ['name', 'stage'], help: 'This metric records the data about the stage and enablement of a k8s feature.' },
    () => Object.entries(KNOWN_FEATURES).map(([name, { stage }]): Sample => [[name, STAGES[stage]!], featureEnabled(name) ? 1 : 0]));
  metrics.observed({ name: 'version_info', labels: ['binary', 'component', 'emulation', 'min_compat'], help: 'Provides the compatibility version info of the component.' },
    () => [[[`1.${KUBERNETES_MINOR}`, 'kube', `1.${KUBERNETES_MINOR}`, `1.${KUBERNETES_MINOR - 1}`], 1]]);
}
