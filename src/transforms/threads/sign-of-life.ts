/** What a thread is at, in memory that both sides see even while it never waits. */
export type Place = number | 'idle' | 'loading';

const idle = -1;
const loading = -2;

/** Written by the thread: where it is, and a beat for each time that it could have been stopped. */
export class SignOfLife {
  readonly cell: Int32Array<SharedArrayBuffer>;

  constructor(cell: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(8))) {
    this.cell = cell;
  }

  reset(): void {
    this.at('idle');
  }

  /** The number is a message's in its turn. */
  at(place: Place): void {
    const code = place === 'idle' ? idle : place === 'loading' ? loading : place;
    Atomics.store(this.cell, 0, code);
    this.beat();
  }

  beat(): void {
    Atomics.add(this.cell, 1, 1);
  }

  get place(): Place {
    const code = Atomics.load(this.cell, 0);
    if (code === idle) return 'idle';
    return code === loading ? 'loading' : code;
  }

  get beats(): number {
    return Atomics.load(this.cell, 1);
  }
}
