// A click on a figure shows it as large as the window; a click or the Escape key closes it again.
document.addEventListener("click", (event) => {
  const image = event.target.closest('.cell_output img, img.diagram');
  if (!image || image.closest("dialog, a")) return;
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  const large = new Image();
  large.src = image.src;
  large.alt = image.alt;
  dialog.append(large);
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
});
