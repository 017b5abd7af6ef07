import {
  isKind,
  nameOf,
  type PickleGlobal,
  type PickleStorage,
  type PickleValue,
  reduce,
  storageOf,
} from './pickleValues.ts';

const utf8 = new TextDecoder('utf-8');
const latin1 = new TextDecoder('latin1');

/** Two's complement, little end first: as a number where that is exact. */
function longOf(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  value = BigInt.asIntN(8 * bytes.length, value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** `readPickleAt` of a file that is one pickle. */
export function readPickle(bytes: Uint8Array, file: string): PickleValue {
  return readPickleAt(bytes, file, 0).value;
}

/**
 * Reads a pickle as data. It knows the opcodes of protocol 2 (what `torch.save` writes) and of protocols 3 and 4 that
 * build plain values; it looks nothing up and calls nothing: tensors, storages and ordered dictionaries are
 * recognised by name, everything else a file asks for becomes an inert {@link PickleRecord}.
 *
 * @param bytes - The pickle.
 * @param file - Name for messages.
 * @param start - Where in the bytes it begins.
 * @param seen - Told each storage that it names.
 * @returns The value, and where the pickle ends.
 * @throws Error on an opcode outside that set, on a stack that does not match and on a truncated file.
 */
export function readPickleAt(
  bytes: Uint8Array,
  file: string,
  start: number,
  seen?: (storage: PickleStorage) => void,
): { value: PickleValue; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  const fail = (rule: string): Error => new Error(`readPickle: ${file}, byte ${at}: ${rule}`);
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) throw fail(`the file ends inside a value of ${count} bytes (truncated?)`);
    at += count;
    return bytes.subarray(at - count, at);
  };
  const u8 = (): number => take(1)[0]!;
  const u16 = (): number => (take(2), view.getUint16(at - 2, true));
  const u32 = (): number => (take(4), view.getUint32(at - 4, true));
  const u64 = (): number => (take(8), Number(view.getBigUint64(at - 8, true)));
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) throw fail('the file ends inside a name (truncated?)');
    const text = utf8.decode(bytes.subarray(at, end));
    at = end + 1;
    return text;
  };

  let stack: PickleValue[] = [];
  const marks: PickleValue[][] = [];
  const memo = new Map<number, PickleValue>();
  const pop = (): PickleValue => {
    const value = stack.pop();
    if (value === undefined) throw fail('nothing on the stack where a value is needed');
    return value;
  };
  const top = (): PickleValue => {
    const value = stack.at(-1);
    if (value === undefined) throw fail('nothing on the stack where a value is needed');
    return value;
  };
  // `stack` is another array afterwards: never call this among the arguments of stack.push.
  const popMark = (): PickleValue[] => {
    const items = stack;
    const below = marks.pop();
    if (!below) throw fail('no mark where one is needed');
    stack = below;
    return items;
  };
  const popList = (): PickleValue[] => {
    const value = pop();
    if (!Array.isArray(value)) throw fail(`a tuple is needed, got ${nameOf(value)}`);
    return value;
  };
  const append = (items: PickleValue[]): void => {
    const target = top();
    if (Array.isArray(target)) for (const item of items) target.push(item);
    else if (isKind(target, 'record')) target.state = items;
    else throw fail(`items appended to ${nameOf(target)}`);
  };
  const set = (pairs: PickleValue[]): void => {
    const target = top();
    if (pairs.length % 2 !== 0) throw fail('a key without a value');
    if (target instanceof Map) for (let i = 0; i < pairs.length; i += 2) target.set(pairs[i]!, pairs[i + 1]!);
    else if (isKind(target, 'record')) target.state = pairs;
    else throw fail(`entries set on ${nameOf(target)}`);
  };
  const remembered = (index: number): PickleValue => {
    const value = memo.get(index);
    if (value === undefined) throw fail(`memo ${index} was never written`);
    return value;
  };

  for (;;) {
    const opcode = u8();
    switch (opcode) {
      case 0x80: // PROTO
        if (u8() > 4) throw fail(`pickle protocol ${bytes[at - 1]!} is not supported (0 to 4)`);
        break;
      case 0x95: // FRAME: a hint about lengths
        u64();
        break;
      case 0x2e: {
        // STOP
        const value = pop();
        return { value, end: at };
      }
      case 0x28: // MARK
        marks.push(stack);
        stack = [];
        break;
      case 0x30: // POP
        pop();
        break;
      case 0x31: // POP_MARK
        popMark();
        break;
      case 0x32: // DUP
        stack.push(top());
        break;
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4a: // BININT
        take(4);
        stack.push(view.getInt32(at - 4, true));
        break;
      case 0x4b: // BININT1
        stack.push(u8());
        break;
      case 0x4d: // BININT2
        stack.push(u16());
        break;
      case 0x8a: // LONG1
        stack.push(longOf(take(u8())));
        break;
      case 0x8b: {
        // LONG4: a length, then that many bytes; 1 KiB is more digits than any size has
        const length = u32();
        if (length > 1024) throw fail(`an integer of ${length} bytes`);
        stack.push(longOf(take(length)));
        break;
      }
      case 0x47: // BINFLOAT
        take(8);
        stack.push(view.getFloat64(at - 8, false));
        break;
      case 0x58: // BINUNICODE
        stack.push(utf8.decode(take(u32())));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(utf8.decode(take(u8())));
        break;
      case 0x54: // BINSTRING
        stack.push(latin1.decode(take(u32())));
        break;
      case 0x55: // SHORT_BINSTRING
        stack.push(latin1.decode(take(u8())));
        break;
      case 0x42: // BINBYTES
        stack.push(take(u32()).slice());
        break;
      case 0x43: // SHORT_BINBYTES
        stack.push(take(u8()).slice());
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
      case 0x8f: // EMPTY_SET
        stack.push([]);
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x61: {
        // APPEND
        const item = pop();
        append([item]);
        break;
      }
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        append(popMark());
        break;
      case 0x73: {
        // SETITEM
        const value = pop();
        const key = pop();
        set([key, value]);
        break;
      }
      case 0x75: // SETITEMS
        set(popMark());
        break;
      case 0x74: // TUPLE
      case 0x6c: // LIST
      case 0x91: {
        // FROZENSET
        const items = popMark();
        stack.push(items);
        break;
      }
      case 0x64: {
        // DICT
        const pairs = popMark();
        stack.push(new Map());
        set(pairs);
        break;
      }
      case 0x85: // TUPLE1
        stack.push([pop()]);
        break;
      case 0x86: // TUPLE2
      case 0x87: {
        // TUPLE3
        const items = [pop(), pop()];
        if (opcode === 0x87) items.push(pop());
        stack.push(items.reverse());
        break;
      }
      case 0x63: {
        // GLOBAL
        const module = line();
        stack.push({ kind: 'global', module, name: line() });
        break;
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = pop();
        const module = pop();
        if (typeof name !== 'string' || typeof module !== 'string') throw fail('names must be text');
        stack.push({ kind: 'global', module, name });
        break;
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const args = popList();
        stack.push(reduce(pop(), args, fail));
        break;
      }
      case 0x92: {
        // NEWOBJ_EX
        pop();
        const args = popList();
        stack.push(reduce(pop(), args, fail));
        break;
      }
      case 0x6f: {
        // OBJ
        const [callee, ...args] = popMark();
        if (callee === undefined) throw fail('an object without a class');
        stack.push(reduce(callee, args, fail));
        break;
      }
      case 0x69: {
        // INST
        const module = line();
        const callee: PickleGlobal = { kind: 'global', module, name: line() };
        const args = popMark();
        stack.push(reduce(callee, args, fail));
        break;
      }
      case 0x62: {
        // BUILD: attributes of an object; those of an ordered dictionary (its version notes) are of no use
        const state = pop();
        const target = top();
        if (isKind(target, 'record')) target.state = state;
        break;
      }
      case 0x51: {
        // BINPERSID
        const storage = storageOf(pop());
        if (isKind(storage, 'storage')) seen?.(storage);
        stack.push(storage);
        break;
      }
      case 0x71: // BINPUT
        memo.set(u8(), top());
        break;
      case 0x72: // LONG_BINPUT
        memo.set(u32(), top());
        break;
      case 0x94: // MEMOIZE
        memo.set(memo.size, top());
        break;
      case 0x68: // BINGET
        stack.push(remembered(u8()));
        break;
      case 0x6a: // LONG_BINGET
        stack.push(remembered(u32()));
        break;
      default:
        throw fail(`opcode 0x${opcode.toString(16).padStart(2, '0')} is not one of those a checkpoint needs`);
    }
  }
}
