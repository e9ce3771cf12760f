import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import variant from '@jitl/quickjs-wasmfile-release-sync';
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSSyncVariant,
} from 'quickjs-emscripten-core';
import { wasm, type WasmMemory, wasmPageBytes } from './web-assembly.ts';

/** A QuickJS in a WebAssembly memory of its own, with one context. */
export interface Machine {
  readonly context: QuickJSContext;
  readonly memory: WasmMemory;
}

export interface MachineLimits {
  readonly heapBytes: number;
  readonly stackBytes: number;
}

/** What the build of QuickJS asks for at least: its data, its stack and a first heap. */
const firstPages = 256;

/** Its declarations say that it is CommonJS, which it is not. */
const release = variant as unknown as QuickJSSyncVariant;

let compiled: Promise<object> | undefined;

/** Starts one; `isOver` is asked again and again while code runs, and ends it by saying so. */
export async function startMachine(limits: MachineLimits, isOver: () => boolean): Promise<Machine> {
  compiled ??= compile();
  // A message goes in and out as copies beside the heap.
  const maximum = firstPages + Math.ceil((2 * limits.heapBytes) / wasmPageBytes);
  const memory = new wasm.Memory({ initial: firstPages, maximum });
  const ownVariant = newVariant(release, {
    wasmModule: await compiled,
    wasmMemory: memory,
    emscriptenModule: quiet as object,
  });
  const quickJs = await newQuickJSWASMModuleFromVariant(ownVariant);
  const runtime = quickJs.newRuntime({
    memoryLimitBytes: limits.heapBytes,
    maxStackSizeBytes: limits.stackBytes,
    interruptHandler: isOver,
  });
  return { context: runtime.newContext(), memory };
}

/** Whether messages made it grow: pages that were taken are given back only with all of it. */
export function hasGrown(machine: Machine): boolean {
  return machine.memory.buffer.byteLength > firstPages * wasmPageBytes;
}

/** What aborts says so by throwing; its lines would go past the log. */
const quiet = {
  print: (): void => undefined,
  printErr: (): void => undefined,
  thisProgram: '',
};

async function compile(): Promise<object> {
  const { resolve } = createRequire(import.meta.url);
  return new wasm.Module(await readFile(resolve('@jitl/quickjs-wasmfile-release-sync/wasm')));
}
