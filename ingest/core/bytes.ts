const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A size as people read it, e.g. 1.5 GiB. */
export function bytes(n: number): string {
  let power = 0;
  while (n >= 1024 && power < UNITS.length - 1) {
    n /= 1024;
    power++;
  }
  return `${power === 0 ? n : n.toFixed(1)} ${UNITS[power]}`;
}
