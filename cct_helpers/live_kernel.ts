// The one loop that takes the time: a matrix product, in AssemblyScript. Compiled to live_kernel.wasm by
// `python notebooks/scripts/live_kernel.py`; live_pass.js holds the same product in plain JavaScript.
//
// c (m x n) = a (m x k) times b (k x n) + bias (n). Places and strides count float32 numbers, from the start of the
// memory. b lies in panels: 16 columns, row below row, padded with zeros, then the next 16. So a row of c has room for
// whole panels. Two rows by sixteen columns are summed at a time: eight vectors of four numbers, which all stay in
// registers.
export function multiply(
  a: usize, strideA: usize, b: usize, bias: usize, c: usize, strideC: usize, m: i32, k: usize, n: i32,
): void {
  const stepA = strideA << 2, stepC = strideC << 2, panel = k << 6;
  b <<= 2;
  bias <<= 2;
  for (let column = 0; column < n; column += 16) {
    let rowA = a << 2, rowC = (c + column) << 2;
    const end = b + panel;
    for (let i = 0; i < m; i += 2) {
      const second = i + 1 < m;
      let x = rowA, y = second ? rowA + stepA : rowA; // an odd last row is computed twice, and stored once
      let x0 = v128.load(bias), x1 = v128.load(bias, 16), x2 = v128.load(bias, 32), x3 = v128.load(bias, 48);
      let y0 = x0, y1 = x1, y2 = x2, y3 = x3;
      for (let w = b; w < end; w += 64) {
        const p = v128.load32_splat(x), q = v128.load32_splat(y);
        const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
        x0 = f32x4.add(x0, f32x4.mul(p, w0));
        y0 = f32x4.add(y0, f32x4.mul(q, w0));
        x1 = f32x4.add(x1, f32x4.mul(p, w1));
        y1 = f32x4.add(y1, f32x4.mul(q, w1));
        x2 = f32x4.add(x2, f32x4.mul(p, w2));
        y2 = f32x4.add(y2, f32x4.mul(q, w2));
        x3 = f32x4.add(x3, f32x4.mul(p, w3));
        y3 = f32x4.add(y3, f32x4.mul(q, w3));
        x += 4;
        y += 4;
      }
      if (second) {
        const o = rowC + stepC;
        v128.store(o, y0);
        v128.store(o, y1, 16);
        v128.store(o, y2, 32);
        v128.store(o, y3, 48);
      }
      v128.store(rowC, x0);
      v128.store(rowC, x1, 16);
      v128.store(rowC, x2, 32);
      v128.store(rowC, x3, 48);
      rowA += stepA << 1;
      rowC += stepC << 1;
    }
    b = end;
    bias += 64;
  }
}
