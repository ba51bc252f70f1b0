/** Address ranges as flags give them. */
import { formatIp, parseCidr } from '#machinery/ip';
import { UserError } from './terminal.ts';

/** @throws UserError */
export function parseNetwork(text: string, flag: string): void {
  if (parseCidr(text) === undefined) throw new UserError(`${flag} ${text}: a network such as 10.244.0.0/16 is expected`);
}

/** The address that many places into the network: 10 in 10.96.0.0/12 is 10.96.0.10. */
export function nthAddress(network: string, place: number): string {
  const parsed = parseCidr(network);
  if (parsed === undefined) throw new Error(`${network} is no network`);
  const bytes = Uint8Array.from(parsed.network);
  let carry = place;
  for (let i = bytes.length - 1; i >= 0 && carry > 0; i--) {
    const sum = bytes[i]! + carry;
    bytes[i] = sum & 0xff;
    carry = sum >> 8;
  }
  return formatIp(bytes);
}

/** IPv6 addresses stand in brackets before a port. */
export function hostPart(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
