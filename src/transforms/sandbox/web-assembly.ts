/** The part of WebAssembly's interface that is used; only the libraries of browsers declare it. */
export interface WasmMemory {
  /** Another one whenever it grew. */
  readonly buffer: ArrayBuffer;
}

interface WasmInterface {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (pages: { initial: number; maximum: number }) => WasmMemory;
}

export const wasm: WasmInterface = (globalThis as unknown as { WebAssembly: WasmInterface })
  .WebAssembly;

export const wasmPageBytes = 65_536;
