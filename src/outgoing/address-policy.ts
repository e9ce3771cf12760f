import { type BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';

import { kindOf, subnetList } from './address-ranges.ts';
import { type IpAddress, parseIpAddress } from './ip-address.ts';

/** An address and port on which this process itself can be called. */
export interface Listening {
  readonly address: string;
  readonly port: number;
}

export interface AddressPolicyOptions {
  /** True while this process can be called from this machine only. */
  readonly isLoopbackOnly: boolean;
  /** Subnets (`10.1.0.0/16`) of loopback and private addresses that may be called all the same. */
  readonly allow: readonly string[];
  /** Where this process listens; asked each time, since ports become known late. */
  readonly ownListeners: () => readonly Listening[];
  /** This machine's addresses, for a listener on all of them; the system's unless given. */
  readonly machineAddresses?: () => readonly string[];
}

/** Which addresses users may aim requests at. docs/outgoing.md has it as a table. */
export class AddressPolicy {
  readonly #options: AddressPolicyOptions;
  readonly #allowed: BlockList;

  constructor(options: AddressPolicyOptions) {
    this.#options = options;
    this.#allowed = subnetList(options.allow);
  }

  /** Why `address` may not be called at `port`: a few words; null if it may. */
  refusal(address: string, port: number): string | null {
    const parsed = parseIpAddress(address);
    if (parsed === null) return 'no address';
    if (this.#isOurs(parsed, port)) return 'our own listener';
    const kind = kindOf(parsed);
    if (kind === 'public') return embeddedRefusal(parsed);
    if (kind !== 'loopback' && kind !== 'private') return kind;
    if (this.#options.isLoopbackOnly || this.#allowed.check(parsed.text, parsed.family))
      return null;
    return `${kind}, see --outgoing-allow`;
  }

  #isOurs(address: IpAddress, port: number): boolean {
    const onPort = this.#options.ownListeners().filter((listener) => listener.port === port);
    return onPort.some((listener) => this.#reaches(address, listener));
  }

  /** All of 127/8 is this machine, and so is every address of its interfaces. */
  #reaches(address: IpAddress, listener: Listening): boolean {
    const { embedded } = address;
    if (embedded !== undefined && this.#reaches({ family: 'ipv4', text: embedded }, listener)) {
      return true;
    }
    const own = parseIpAddress(listener.address);
    if (own === null || own.text === address.text) return true;
    const ownKind = kindOf(own);
    if (ownKind === 'loopback') return kindOf(address) === 'loopback';
    if (ownKind !== 'unspecified') return false;
    return kindOf(address) === 'loopback' || this.#machineAddresses().has(address.text);
  }

  #machineAddresses(): ReadonlySet<string> {
    const addresses = (this.#options.machineAddresses ?? systemAddresses)();
    return new Set(addresses.map((address) => parseIpAddress(address)?.text ?? address));
  }
}

/** A translator would reach what stands in front of it, so it must be public itself. */
function embeddedRefusal({ embedded }: IpAddress): string | null {
  if (embedded === undefined) return null;
  const kind = kindOf({ family: 'ipv4', text: embedded });
  return kind === 'public' ? null : `leads to ${embedded}, ${kind}`;
}

function systemAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((each) =>
    (each ?? []).map(({ address }) => address),
  );
}
