// What the benchmark of the page sees: evaluated once in it. Views are images that are replaced frame by frame.
(() => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", {willReadFrequently: true});
  const image = (view) => document.querySelectorAll("main img")[view];
  const pixels = (img, x, y, half) => {  // RGBA of a square, in screen pixels from the view's corner
    const scale = img.naturalWidth / img.getBoundingClientRect().width;
    const side = Math.round(2 * half * scale);
    canvas.width = canvas.height = side;
    context.drawImage(img, (x - half) * scale, (y - half) * scale, side, side, 0, 0, side, side);
    return context.getImageData(0, 0, side, side).data;
  };
  const hue = (data, i) => Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]);
  let listener = null;
  const onFrame = (view, action) => {
    if (listener) listener();
    const img = image(view);
    img.addEventListener("load", action);
    listener = () => img.removeEventListener("load", action);
  };
  const probe = window.evanysegProbe = {released: 0, colored: 0, frames: 0};
  window.addEventListener("pointerup", () => { probe.released = performance.now(); }, true);
  window.addEventListener("mouseup", () => { probe.released = performance.now(); }, true);
  probe.watch = (view, x, y, half) => {
    probe.released = probe.colored = 0;
    const before = pixels(image(view), x, y, half);
    onFrame(view, () => {
      if (!probe.released || probe.colored) return;
      const now = pixels(image(view), x, y, half);
      let other = 0;
      for (let i = 0; i < now.length; i += 4) if (Math.abs(hue(now, i) - hue(before, i)) > 20) other += 1;
      if (other > 0.02 * now.length / 4) probe.colored = performance.now();
    });
  };
  probe.count = (view) => {  // frames whose middle row differs from the last one's: a frame that is only sharper is none
    probe.frames = 0;
    let last = null;
    onFrame(view, () => {
      const img = image(view);
      const now = pixels(img, img.getBoundingClientRect().width / 2, img.getBoundingClientRect().height / 2, 60);
      let difference = 0;
      if (last) for (let i = 0; i < now.length; i += 4) difference += Math.abs(now[i] - last[i]);
      if (!last || difference / (now.length / 4) > 2) probe.frames += 1;
      last = now;
    });
  };
})();
