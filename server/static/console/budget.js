// What was told about people of yesterday, and how much of its privacy budget that cost.
import { byId, definitions, say } from "/static/dom.js";

export async function refreshBudget() {
  if (document.visibilityState !== "visible") return;
  const response = await fetch("/v1/statistics").catch(() => null);
  if (!response?.ok) return;
  const { budget, releases } = await response.json();
  if (!budget) return;
  const { day, spent, granted } = budget;
  const state = byId("budget-state");
  state.className = `badge ${Number(spent) < Number(granted) ? "good" : "warn"}`;
  say(state, `spent ${spent} of ${granted} today`);
  const told = releases.filter((one) => one.day === day).map((one) => `${one.detail}, at ${one.epsilon}`);
  definitions(byId("budget"), [
    ["About", day],
    ["Told", told.join("; ") || "nothing yet; made ten minutes after the end of the day"],
    ["Left", (Number(granted) - Number(spent)).toFixed(6).replace(/\.?0+$/, "")],
    ["Of the last month", `${releases.length} releases`],
  ]);
}
