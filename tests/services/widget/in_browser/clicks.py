"""What a person does on the board and in the form of a trigger."""

from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

READY = "The rule is ready."
TABS_MAX = 60


async def by_keys(page: Page, control: Locator, key: str = "Enter") -> None:
    """Get to a control by Tab alone, as somebody without a mouse does, and press a key there."""
    await expect(control).to_be_visible()
    for _ in range(TABS_MAX):
        if await control.evaluate("each => each === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await expect(control).to_be_focused()
    await page.keyboard.press(key)


@dataclass(frozen=True, slots=True)
class Board:
    """The pipeline on a page, at one of its stages."""

    page: Page
    stage: int

    @property
    def column(self) -> Locator:
        return self.page.locator(f".digital-pipeline__column[data-stage-id='{self.stage}']")

    @property
    def form(self) -> Locator:
        """The one that is open."""
        return self.column.locator(".digital-pipeline__edit-forms")

    @property
    def done(self) -> Locator:
        return self.column.get_by_role("button", name="Done")

    async def add(self) -> None:
        """Put a trigger of ours on the stage and wait until it has a rule."""
        await self.column.get_by_role("button", name="Add a trigger").click()
        await self.page.locator(".js-trigger-choose").click()
        await self.is_ready()

    async def open(self, place: int = 0) -> None:
        """Open one that is there; they stand in the order in which they were put."""
        ours = self.column.locator(".digital-pipeline__short-task_widget-style_fairlead")
        await ours.nth(place).click()
        await expect(self.form).to_be_visible()

    async def is_ready(self) -> None:
        """The server has taken what was changed."""
        await expect(self.column).to_contain_text(READY)
        await expect(self.done).to_be_enabled()

    def field(self, name: str) -> Locator:
        """A control of the form by its name, such as `limit.max`."""
        return self.form.locator(f"[data-field='{name}']")

    async def section(self, name: str) -> None:
        """Unfold a part of the form."""
        part = self.form.locator(f"details[data-section='{name}']")
        if await part.get_attribute("open") is None:
            await part.locator("> summary").click()

    async def close(self, button: str = "Done") -> None:
        """Press a button of the trigger itself."""
        await self.column.get_by_role("button", name=button).click()
        await expect(self.form).to_have_count(0)

    async def save(self) -> None:
        """Press Save of the pipeline, after which Kommo has its triggers."""
        holder = self.page.locator("#page_holder")
        before = int(await holder.get_attribute("data-saved") or 0)
        await self.page.locator(".digital-pipeline__save-button").click()
        await expect(holder).to_have_attribute("data-saved", str(before + 1))

    async def inputs(self) -> dict[str, str]:
        """What Kommo would keep of the open trigger."""
        return {
            name: await self.form.locator(f"input[name={name}]").input_value()
            for name in ("rule", "rev", "key")
        }
