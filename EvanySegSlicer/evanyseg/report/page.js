document.querySelectorAll("#scores th button").forEach((button, column) => {
  button.addEventListener("click", () => {
    const head = button.parentElement, body = document.querySelector("#scores tbody");
    const up = head.getAttribute("aria-sort") !== "ascending";
    document.querySelectorAll("#scores th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
    const rows = Array.from(body.rows).sort((a, b) => {
      const x = key(a), y = key(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return up ? order : -order;
    });
    body.append(...rows);
  });
});
