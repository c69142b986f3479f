"""The tags of one kind of entity."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class TagBook:
    """All tags of one kind of entity; ids are handed out in order."""

    next_id: int
    by_id: dict[int, str] = field(default_factory=dict)

    def named(self, name: str, wanted_id: int | None = None) -> int:
        """The id of a tag; it is made if there is none of that name."""
        for tag_id, known in self.by_id.items():
            if known == name:
                return tag_id
        if wanted_id is None or wanted_id in self.by_id:
            wanted_id = self.next_id
            self.next_id += 1
        self.by_id[wanted_id] = name
        return wanted_id
