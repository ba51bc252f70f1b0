/**
 * Merges an applied configuration into the live object: maps and keyed lists by key, everything else replaced by the configuration.
 *
 * The order of a merged list is the configuration's, with items it does not name kept where they stood relative to their neighbours.
 * The arguments are not changed; the result shares their parts.
 */
import { setKey } from '../patch/json-value.ts';
import type { JsonObject, JsonValue } from '../patch/json-value.ts';
import { asList, asMap, formOf, isEmptyMap, walkedAs } from './form.ts';
import type { MergeList, MergeMap, MergeType } from './merge-type.ts';
import { elementText, listItemElement, PathElementError } from './path-element.ts';

/** @returns undefined where nothing is left. @throws PathElementError */
export function mergeObjects(live: unknown, config: unknown, type: MergeType): unknown {
  if (config === undefined) return merged(live, undefined, type, live);
  return merged(live, config, type, config);
}

function merged(live: unknown, config: unknown, type: MergeType, decisive: unknown): unknown {
  switch (walkedAs(type, formOf(type, decisive))) {
    case 'map': {
      const old = asMap(live);
      const now = asMap(config);
      if ((type.map as MergeMap).atomic || (isEmptyMap(old) && isEmptyMap(now))) return replaced(live, config);
      return mergeMaps(type.map as MergeMap, old ?? {}, now ?? {});
    }
    case 'list': {
      const old = asList(live) ?? [];
      const now = asList(config) ?? [];
      if ((type.list as MergeList).atomic || (old.length === 0 && now.length === 0)) return replaced(live, config);
      return mergeLists(type.list as MergeList, old, now);
    }
    default: return replaced(live, config);
  }
}

function replaced(live: unknown, config: unknown): unknown {
  return config === undefined ? live : config;
}

type JsonMap = Readonly<Record<string, unknown>>;

function mergeMaps(map: MergeMap, live: JsonMap, config: JsonMap): JsonObject | undefined {
  const out: JsonObject = {};
  let size = 0;
  const put = (key: string, old: unknown, now: unknown): void => {
    const type = map.field(key) ?? map.element;
    const value = type === undefined ? replaced(old, now) : mergeObjects(old, now, type);
    if (value === undefined) return;
    setKey(out, key, value as JsonValue);
    size++;
  };
  for (const key of Object.keys(live)) put(key, live[key], Object.hasOwn(config, key) ? config[key] : undefined);
  for (const key of Object.keys(config)) if (!Object.hasOwn(live, key)) put(key, undefined, config[key]);
  return size === 0 ? undefined : out;
}

function mergeLists(list: MergeList, live: readonly unknown[], config: readonly unknown[]): unknown[] | undefined {
  const configElements = config.map((item) => listItemElement(list, item));
  const configItems = new Map<string, unknown>();
  configElements.forEach((element, index) => {
    if (configItems.has(element)) throw new PathElementError(`duplicate entries for key ${elementText(element)}`);
    configItems.set(element, config[index]);
  });
  const liveElements = live.map((item) => listItemElement(list, item));
  const liveItems = new Map<string, unknown>();
  // Duplicates are not merged with the configuration's item: it takes their place.
  liveElements.forEach((element, index) => liveItems.set(element, liveItems.has(element) ? null : live[index]));

  const shared = configElements.filter((element) => liveItems.has(element));
  const done = new Set<string>();
  const out: unknown[] = [];
  const push = (old: unknown, now: unknown): void => {
    const value = mergeObjects(old, now, list.item);
    if (value !== undefined) out.push(value);
  };
  let next = 0;
  let l = 0;
  let r = 0;
  while (l < liveElements.length || r < configElements.length) {
    const mine = liveElements[l];
    const theirs = configElements[r];
    if (mine !== undefined && theirs !== undefined) {
      if (mine === theirs) {
        done.add(mine);
        push(liveItems.get(mine), configItems.get(mine));
        l++;
        r++;
        next++;
        continue;
      }
      if (configItems.has(mine) && next < shared.length && shared[next] !== mine) {
        l++;
        continue;
      }
    }
    if (mine !== undefined) {
      if (!configItems.has(mine)) {
        push(live[l], undefined);
        l++;
        continue;
      }
      if (done.has(mine)) l++;
    }
    if (theirs !== undefined) {
      done.add(theirs);
      push(liveItems.get(theirs), configItems.get(theirs));
      r++;
      if (shared[next] === theirs) next++;
    }
  }
  return out.length === 0 ? undefined : out;
}
