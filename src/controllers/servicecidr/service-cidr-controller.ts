/** Keeps service networks until no address needs them: finalizer and Ready condition of ServiceCIDRs. */
import { rfc3339 } from '#base/clock';
import type { Condition } from '#api/generated/meta/v1';
import { ipaddresses, servicecidrs, type ServiceCIDR } from '#api/generated/networking/v1';
import type { Result } from '#client/reconcile/reconciler';
import { networkContains, parseCidr, parseIp } from '#machinery/ip';
import { isNotFound } from '#machinery/status-error';
import { findCondition } from '#semantics/condition';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const serviceCidrController: ControllerDefinition = {
  name: 'service-cidr-controller',
  serviceAccount: 'service-cidrs-controller',
  make: makeController,
};

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
/** Allocators must have stopped using it. */
const DELETION_GRACE_MS = 10_000;

/** The address lies in one of the networks. */
export function covers(cidrs: readonly string[] | undefined, address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && (cidrs ?? []).some((cidr) => {
    const network = parseCidr(cidr);
    return network !== undefined && network.network.length === ip.bytes.length && networkContains(network, ip.bytes);
  });
}

/** Addresses of this network that no other one holds. */
export function dependents(cidr: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly string[]): string[] {
  const others = all.filter((other) => other.metadata.name !== cidr.metadata.name && other.metadata.deletionTimestamp === undefined);
  return addresses.filter((address) => covers(cidr.spec?.cidrs, address) && !others.some((other) => covers(other.spec?.cidrs, address)));
}

function makeController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const all = context.informers.for(servicecidrs);
  const addresses = context.informers.for(ipaddresses);
  const api = client.for(servicecidrs);
  const loop = keyedLoop(context, { name: 'servicecidrs', informers: [all, addresses] as const, reconcile });
  const wakeOverlapping = (): void => { for (const cidr of all.list()) loop.enqueue(cidr); };
  all.addHandlers({ onAdd: wakeOverlapping, onUpdate: wakeOverlapping, onDelete: wakeOverlapping });
  addresses.addHandlers({ onDelete: (address) => { for (const cidr of all.list()) if (covers(cidr.spec?.cidrs, address.metadata.name!)) loop.enqueue(cidr); } });

  async function setReady(cidr: ServiceCIDR, wanted: Pick<Condition, 'status' | 'reason' | 'message'>, signal: AbortSignal): Promise<void> {
    const known = findCondition(cidr.status?.conditions, 'Ready');
    if (known?.status === wanted.status && known.reason === wanted.reason) return;
    const condition: Condition = { type: 'Ready', ...wanted, lastTransitionTime: rfc3339(clock.now()) };
    const conditions = [...(cidr.status?.conditions ?? []).filter((other) => other !== known), condition];
    loop.writes.wrote(cidr.metadata.name!, all, await api.updateStatus({ ...cidr, status: { ...cidr.status, conditions } }, { signal }));
  }

  async function setFinalizer(cidr: ServiceCIDR, present: boolean, signal: AbortSignal): Promise<ServiceCIDR> {
    const others = (cidr.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
    const written = await api.update({ ...cidr, metadata: { ...cidr.metadata, finalizers: present ? [...others, FINALIZER] : others } }, { signal });
    loop.writes.wrote(cidr.metadata.name!, all, written);
    return written;
  }

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const cidr = all.get(name);
    if (cidr === undefined) return undefined;
    const has = cidr.metadata.finalizers?.includes(FINALIZER) === true;
    if (cidr.metadata.deletionTimestamp === undefined) {
      await setReady(has ? cidr : await setFinalizer(cidr, true, signal), { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' }, signal);
      return undefined;
    }
    if (!has) return undefined;
    if (dependents(cidr, all.list(), addresses.list().map((address) => address.metadata.name!)).length > 0) {
      await setReady(cidr, { status: 'False', reason: 'Terminating', message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR' }, signal);
      return undefined;
    }
    const waitMs = DELETION_GRACE_MS - (clock.now() - Date.parse(cidr.metadata.deletionTimestamp));
    if (waitMs > 0) return { afterMs: waitMs };
    await setFinalizer(cidr, false, signal).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
    return undefined;
  }

  return { run: loop.run };
}
