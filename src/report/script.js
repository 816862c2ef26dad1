(function () {
  "use strict";
  function reveal() {
    var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    for (var at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  }
  var SECONDS = { d: 86400, h: 3600, m: 60, s: 1, ms: 0.001 };
  // A number, or the seconds of a duration such as "41m 45s". Missing values come first.
  function amount(cell) {
    var text = cell.replace(/^\x3c/, "");
    if (!/^-?\d/.test(text)) return -Infinity;
    if (!/^-?(\d+(\.\d+)?(d|h|ms|m|s)( |$))+$/.test(text)) return parseFloat(text.replace(/,/g, ""));
    var seconds = text.match(/[\d.]+[a-z]+/g).reduce(function (sum, part) {
      return sum + parseFloat(part) * SECONDS[part.replace(/[\d.]/g, "")];
    }, 0);
    return text[0] === "-" ? -seconds : seconds;
  }
  function sortable(table) {
    var body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending", numeric = head.classList.contains("n");
        var value = function (row) {
          var text = row.cells[column].dataset.value || row.cells[column].textContent.trim();
          return numeric ? amount(text) : text;
        };
        var rows = Array.from(body.rows).sort(function (left, right) {
          var a = value(left), b = value(right);
          return a < b ? -1 : a > b ? 1 : 0;
        });
        if (down) rows.reverse();
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.forEach(function (row) { body.appendChild(row); });
      });
    });
    if (body.rows.length < 8) return;
    var input = document.createElement("input");
    input.type = "search";
    input.placeholder = "Filter rows";
    input.setAttribute("aria-label", "Filter the rows of this table");
    input.addEventListener("input", function () {
      var wanted = input.value.toLowerCase();
      Array.from(body.rows).forEach(function (row) { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
    });
    table.parentElement.insertBefore(input, table);
  }
  document.querySelectorAll("table.data").forEach(sortable);
  addEventListener("hashchange", reveal);
  reveal();
})();
