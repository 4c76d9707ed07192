"""The shipped segment tables, as data: segment, scores of r, f and m, what it means, what to do.

Scores compare customers with each other, and so do the sentences: "often" is often for this
business.
"""

from __future__ import annotations

from typing import TypeAlias

Row: TypeAlias = tuple[str, str | None, str | None, str | None, str, str]

RECENCY_FREQUENCY: tuple[Row, ...] = (
    (
        *("Champions", "5", "4-5", None),
        "They bought very recently and buy often: the core of the business.",
        "Treat them as guests of the house: first access, personal service, no needless discounts.",
    ),
    (
        *("Loyal", "3-4", "4-5", None),
        "They buy often, and the last time is not long ago.",
        "Reward the habit and offer what goes with what they already buy.",
    ),
    (
        *("Potential Loyalist", "4-5", "2-3", None),
        "They bought recently, and about as often as most.",
        "Prepare the next purchase: a membership, a subscription, a well-chosen suggestion.",
    ),
    (
        *("New", "5", "1", None),
        "They bought very recently, and seldom or never before.",
        "Welcome them, see that the first purchase pleases, and make the second one easy.",
    ),
    (
        *("Promising", "4", "1", None),
        "They bought recently, and seldom or never before.",
        "Stay in touch and give them a reason to come a second time.",
    ),
    (
        *("Need Attention", "3", "3", None),
        "They are in the middle: as frequent as most, and quiet for some time.",
        "Remind them soon, with something that fits their earlier purchases.",
    ),
    (
        *("About To Sleep", "3", "1-2", None),
        "They bought little, and some time ago.",
        "Send a light reminder and see who still answers.",
    ),
    (
        *("At Risk", "1-2", "3-4", None),
        "They used to buy regularly and have not come for a long time.",
        "Ask what went wrong and make an offer to return, while they still remember you.",
    ),
    (
        *("Can't Lose", "1-2", "5", None),
        "They were among the most frequent buyers and have stopped coming.",
        "Call them: find the reason and put it right before any campaign.",
    ),
    (
        *("Hibernating", "1-2", "1-2", None),
        "They bought little, and long ago.",
        "Spend little on them: a seasonal mailing at most.",
    ),
)

NEWER: tuple[Row, ...] = (
    (
        *("Champions", "5", "5", "5"),
        "They are at the top in everything: recent, frequent and high-spending.",
        "Treat them as guests of the house: first access, personal service, no needless discounts.",
    ),
    (
        *("Potential Loyalist", "3-5", "3-5", "2-5"),
        "They buy fairly often, were here recently, and spend more than the least.",
        "Turn the habit into a bond: a membership, a subscription, a well-chosen suggestion.",
    ),
    (
        *("Loyal Customers", "2-4", "2-4", "2-4"),
        "They are steady buyers in the middle of all three scores.",
        "Reward the habit and offer what goes with what they already buy.",
    ),
    (
        *("Promising", "3-4", "1-3", "3-5"),
        "They came not long ago and seldom, but spend well.",
        "Give them a reason to come more often; the spending is there.",
    ),
    (
        *("New Customers", "4-5", "1-3", "1-5"),
        "They bought recently and have few purchases behind them.",
        "Welcome them, see that the purchase pleased, and make the next one easy.",
    ),
    (
        *("Can't Lose Them", "1-2", "3-4", "4-5"),
        "They spent much and came regularly, and have been gone for a long time.",
        "Call them: find the reason and put it right before any campaign.",
    ),
    (
        *("At Risk", "1-2", "2-5", "4-5"),
        "They spent much in earlier times and have not come for long.",
        "Ask what went wrong and make an offer to return, while they still remember you.",
    ),
    (
        *("Need Attention", "1-3", "3-5", "3-5"),
        "They came often and spent well, but are growing quiet.",
        "Remind them soon, with something that fits their earlier purchases.",
    ),
    (
        *("About To Sleep", "2-3", "1-3", "1-4"),
        "They have few purchases behind them, the last some time ago.",
        "Send a light reminder and see who still answers.",
    ),
    (
        *("Lost", "1", "1-5", "1-5"),
        "Nobody has been away longer.",
        "Try once to bring back those who spent much, and spend nothing on the rest.",
    ),
)

OLDER: tuple[Row, ...] = (
    (
        *("Champions", "4-5", "4-5", "4-5"),
        "They are recent, frequent and high-spending.",
        "Treat them as guests of the house: first access, personal service, no needless discounts.",
    ),
    (
        *("Loyal", "2-5", "3-5", "3-5"),
        "They buy fairly often and spend well, and are not long gone.",
        "Reward the habit and offer what goes with what they already buy.",
    ),
    (
        *("Potential Loyalist", "3-5", "1-3", "1-3"),
        "They were here not long ago, with few or middling purchases so far.",
        "Prepare the next purchase: a membership, a subscription, a well-chosen suggestion.",
    ),
    (
        *("New", "4-5", "1", "1"),
        "They bought recently, once or seldom, and little.",
        "Welcome them, see that the first purchase pleases, and make the second one easy.",
    ),
    (
        *("Promising", "3-4", "1", "1"),
        "They bought not long ago, seldom and little.",
        "Stay in touch and give them a reason to come a second time.",
    ),
    (
        *("Need Attention", "2-3", "2-3", "2-3"),
        "They are in the middle of all three scores and growing quiet.",
        "Remind them soon, with something that fits their earlier purchases.",
    ),
    (
        *("About To Sleep", "2-3", "1-2", "1-2"),
        "They bought little, and some time ago.",
        "Send a light reminder and see who still answers.",
    ),
    (
        *("At Risk", "1-2", "2-5", "2-5"),
        "They had a good record and have not come for a long time.",
        "Ask what went wrong and make an offer to return, while they still remember you.",
    ),
    (
        *("Can't Lose", "1", "4-5", "4-5"),
        "They were among the best buyers and have stopped coming.",
        "Call them: find the reason and put it right before any campaign.",
    ),
    (
        *("Lost", "1-2", "1-2", "1-2"),
        "They bought little, and long ago.",
        "Spend little on them: a seasonal mailing at most.",
    ),
)

NO_PURCHASE = "No purchase"
"""The segment of customers who have not bought: their scores are 0."""

NO_SEGMENT = "No segment"
"""Where a summary counts the buyers whom no row of a segment table covers."""

NO_PURCHASE_NOTE = (
    "They are known, but have not bought yet.",
    "Invite them to a first purchase.",
)

NO_SEGMENT_NOTE = (
    "Their scores are in no row of the segment table, or a score it asks for is not known.",
    "Audit the segment table, and see which scores are missing.",
)
