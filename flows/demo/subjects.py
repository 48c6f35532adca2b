"""What the demo's students ask and its tutors answer: a few topics of six school subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to be learned: its name in a sentence, what a tutor says of it, an example, and a question to check."""

    name: str
    explanation: str
    example: str
    check: str


@dataclass(frozen=True, slots=True)
class Module:
    """A course: its id, its subject, its share of the messages, and its topics."""

    id: int
    subject: str
    share: float
    topics: tuple[Topic, ...]


_ALGEBRA: Final = (
    Topic(
        "completing the square",
        "Completing the square rewrites a quadratic as a squared bracket plus a constant, so that its lowest point can be read off.",
        "Take x² + 6x + 5: half of 6 is 3, so it equals (x + 3)² - 4, and the lowest point is at x = -3.",
        "Can you do the same for x² - 8x + 1?",
    ),
    Topic(
        "solving two equations at once",
        "Two equations with two unknowns meet in one point if their lines are not parallel; eliminate one unknown to find it.",
        "With x + y = 7 and x - y = 1, adding them gives 2x = 8, so x = 4 and y = 3.",
        "What happens if you subtract them instead?",
    ),
    Topic(
        "negative exponents",
        "A negative exponent means one divided by the same power with a positive exponent; it does not make the number negative.",
        "So 2⁻³ is 1/2³, which is 1/8.",
        "What would 10⁻² be as a decimal?",
    ),
    Topic(
        "the slope of a line",
        "The slope says how far a line rises for each step to the right: the change in y divided by the change in x.",
        "From (1, 2) to (4, 11) the line rises 9 while it goes 3 to the right, so its slope is 3.",
        "Which slope does a horizontal line have?",
    ),
)
_BIOLOGY: Final = (
    Topic(
        "photosynthesis",
        "In photosynthesis a plant uses the energy of light to turn carbon dioxide and water into glucose, and gives off oxygen.",
        "A pondweed under a bright lamp shows it: you can count the bubbles of oxygen, and they slow down in the shade.",
        "Where in the cell does it take place?",
    ),
    Topic(
        "osmosis",
        "Osmosis is water moving through a membrane that lets only some particles pass, towards the side with more dissolved in it.",
        "A raisin in fresh water swells, because there is more sugar inside than outside.",
        "What would happen to it in very salty water?",
    ),
    Topic(
        "dominant and recessive alleles",
        "A dominant allele shows even if there is one copy of it; a recessive one shows only if both copies are recessive.",
        "Two brown-eyed parents who each carry one allele for blue eyes can have a child with blue eyes, on average one in four.",
        "Can you draw the square that shows it?",
    ),
)
_HISTORY: Final = (
    Topic(
        "the causes of the French Revolution",
        "Several causes came together: a bankrupt state, taxes that fell on those who had least, bad harvests, and new ideas about rights.",
        "In 1789 bread took most of a worker's wage in Paris, while the nobility paid few taxes.",
        "Which of these causes do you find the most convincing, and why?",
    ),
    Topic(
        "the Industrial Revolution",
        "Machines driven by water and then by steam moved work from homes into factories, and people from villages into towns.",
        "Manchester grew from about 75,000 people in 1801 to more than 300,000 fifty years later.",
        "What did that mean for housing and health?",
    ),
    Topic(
        "how to judge a source",
        "Ask who made a source, when, for whom and what for: each of these can make it useful for one question and weak for another.",
        "A factory owner's letter tells much about his opinions, and less about what his workers felt.",
        "What would you want to read beside it?",
    ),
)
_PHYSICS: Final = (
    Topic(
        "Newton's second law",
        "The acceleration of a body is the force on it divided by its mass: twice the force, twice the acceleration.",
        "A force of 10 N on a trolley of 2 kg gives 5 m/s².",
        "What changes if the trolley carries another 2 kg?",
    ),
    Topic(
        "resistors in parallel",
        "In parallel each resistor gives the current another way, so the total resistance is smaller than the smallest of them.",
        "Two resistors of 6 Ω in parallel let through as much as one of 3 Ω.",
        "And what would three of them give?",
    ),
    Topic(
        "why the sky is blue",
        "Air scatters short wavelengths more than long ones, so blue light reaches us from all over the sky.",
        "At sunset the light takes a longer way through the air, most of the blue is scattered out of it, and red remains.",
        "Why is the sky on the Moon black?",
    ),
)
_PROGRAMMING: Final = (
    Topic(
        "off-by-one errors",
        "A range in Python stops before its end, so range(5) gives five numbers, and the last one is 4.",
        "To visit every item of a list, write `for item in items:` and you need no index at all.",
        "How would you print the numbers from 1 to 10?",
    ),
    Topic(
        "recursion",
        "A recursive function calls itself with a smaller problem, and needs one case that it answers at once; otherwise it never ends.",
        "def factorial(n): return 1 if n == 0 else n * factorial(n - 1)",
        "What happens for factorial(-1)?",
    ),
)
_ENGLISH: Final = (
    Topic(
        "the passive voice",
        "The passive puts first what something is done to; use it if the doer is unknown or does not matter.",
        "In 'the window was broken' nobody is blamed, whereas 'Tom broke the window' says who did it.",
        "Can you turn your second paragraph into the active voice?",
    ),
    Topic(
        "metaphors",
        "A metaphor says that one thing is another, so that the reader sees it in a new way; a simile says only that it is like it.",
        "'The classroom was a zoo' is a metaphor; 'the classroom was like a zoo' is a simile.",
        "Which do you find in the first verse?",
    ),
)
_CHEMISTRY: Final = (
    Topic(
        "balancing equations",
        "No atom is lost in a reaction, so each element must be there as often on the right as on the left.",
        "2 H₂ + O₂ → 2 H₂O has four atoms of hydrogen and two of oxygen on each side.",
        "How do you balance Fe + O₂ → Fe₂O₃?",
    ),
)

MODULES: Final = (
    Module(101, "algebra", 0.52, _ALGEBRA),
    Module(205, "biology", 0.18, _BIOLOGY),
    Module(303, "history", 0.12, _HISTORY),
    Module(410, "physics", 0.09, _PHYSICS),
    Module(502, "programming", 0.06, _PROGRAMMING),
    Module(620, "English", 0.03, _ENGLISH),
)
"""The modules that share the messages: one giant, some in the middle, small ones."""

TINY: Final = Module(731, "chemistry", 0, _CHEMISTRY)
"""The module that has three messages, however many there are in all."""

QUESTIONS: Final = (
    "I don't understand {topic}. Can you explain it?",
    "We did {topic} in class today and I got lost half way through. Where do I start?",
    "Can you help me with my homework on {topic}? Please don't just give me the answer.",
    "What do I have to know about {topic} for the test on Friday?",
    "Is there an easy way to remember {topic}?",
)
FOLLOW_UPS: Final = (
    "ok, but why does that work?",
    "Can you give me another example?",
    "I think I get it now. So it is always like that?",
    "Hmm, I got something else. Could you check my steps?",
    "thanks!! can we do a harder one?",
)
OPENERS: Final = (
    "Good question, let us take it step by step.",
    "You are closer than you think.",
    "Let us look at one small case first.",
    "Yes. Here is the idea behind it.",
)
CLOSERS: Final = (
    "Try it, and tell me what you get.",
    "If it does not come out, show me your steps.",
    "Write it down in your own words before you go on.",
    "Take your time.",
)
