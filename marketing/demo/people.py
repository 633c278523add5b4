"""Made-up people: names by region, and what people do for a living."""

from __future__ import annotations

from random import Random

#: First and last names by region; no combination is meant to be a real person.
NAMES = {
    "en": (
        "Alice Aaron Bridget Callum Daisy Edmund Felicity George Harriet Isaac Joanna Keith"
        " Lydia Martin Nancy Oliver Phoebe Quentin Rosalind Stuart Tamsin Walter",
        "Ashdown Barlow Carrick Denholm Eastwick Fairweather Garside Holloway Ingleby Jessop"
        " Kirkham Langley Merriman Norwood Oakden Pemberton Ridgeway Stanhope Thornbury"
        " Underhill Wexley",
    ),
    "de": (
        "Anke Bernd Claudia Dieter Elke Florian Gisela Holger Ilse Jochen Katrin Lothar"
        " Marlene Norbert Petra Rainer Sabine Torsten Ulrike Volker",
        "Achterberg Brandhorst Dannenfeld Eichstaedt Falkenrath Grabowski Hellwig Jankowski"
        " Kaltenbach Lindemuth Moosbauer Niederhof Osterkamp Pfannkuch Rosenthal Steinbrink"
        " Uhlenbrock Wiesner",
    ),
    "fr": (
        "Amelie Bastien Clemence Didier Elodie Fabrice Genevieve Henri Isabelle Julien Laure"
        " Mathilde Nicolas Odile Pascal Remy Solene Thierry Valerie Yann",
        "Aubertin Beaulac Chastagner Delorme Escoffre Fontenelle Garrigue Jourdain Lacombe"
        " Marchais Nivelle Ollivier Peyrac Quesnel Rochambeau Sauvageot Tessier Vaucluse",
    ),
    "es": (
        "Alba Benito Carmen Diego Estela Fermin Gloria Hector Ines Javier Lourdes Manuel"
        " Noelia Octavio Pilar Ramiro Silvia Tomas Ursula Vicente",
        "Alcaraz Benavides Carrasco Dominguez Escobedo Fuentes Gallardo Herranz Izquierdo"
        " Jimeno Lozano Montalvo Navarrete Ordonez Pedraza Quintana Robledo Salvatierra"
        " Villanueva Zamorano",
    ),
    "it": (
        "Alessia Bruno Caterina Davide Elisa Fabrizio Giulia Ilario Lucia Marco Nadia Orlando"
        " Paola Riccardo Serena Tiziano Vittoria",
        "Albanesi Bellandi Carbonaro Damiani Falconieri Gargano Lamberti Marchetti Nardelli"
        " Orsolini Pagliaro Ravasio Salvadori Tamburini Vendramin Zanetti",
    ),
    "nordic": (
        "Astrid Bjarne Cecilie Eirik Freja Gunnar Hanne Ivar Johanna Kjell Linnea Magnus Nils"
        " Oda Pernille Rasmus Signe Torben Vilde",
        "Aakre Bergstrand Dahlqvist Ekelund Fjeldstad Granlund Hedegaard Isaksson Kvamme"
        " Lindqvist Mikkelsen Nordahl Osterlund Rasmussen Sandvik Thorsen Vestergaard",
    ),
    "pl": (
        "Agata Bartosz Celina Dariusz Ewelina Filip Grazyna Hubert Irena Jacek Kinga Leszek"
        " Magda Norbert Olga Piotr Renata Szymon Tomasz Wanda",
        "Adamczak Borowiec Czarnota Dudziak Filipek Gajewska Jablonska Kaczmarek Lisowski"
        " Majchrzak Nowicka Ostrowska Pawlik Rutkowska Sobczak Tomczyk Urbaniak Wrobel"
        " Zielonka",
    ),
    "in": (
        "Aarti Bhavesh Chitra Deepak Esha Farhan Gayatri Harish Indira Jatin Kavita Lakshmi"
        " Manish Nandini Omkar Priya Rohan Sunita Tarun Usha Vikram",
        "Agnihotri Bhandari Chaturvedi Deshmukh Ghoshal Iyengar Joshi Kulkarni Lalwani Menon"
        " Nambiar Panicker Raghavan Saxena Thakkar Upadhyay Varadkar Wadhwa",
    ),
    "asia": (
        "Aiko Binh Chihiro Daisuke Eun Fumiko Haruto Ji-woo Keiko Linh Mei Naoki Qiang Riko"
        " Seo-yun Takumi Wen Xiu Yuki Zhen",
        "Arakawa Bae Chung Doan Fujimori Hamasaki Inoue Jeong Kuroda Liang Morishita Nakagawa"
        " Ong Pham Quach Sugimoto Tran Uehara Wong Yamane Zhou",
    ),
    "africa": (
        "Abena Baraka Chidi Dalila Ekow Fatou Gamba Halima Ifeoma Jabari Kwame Lerato Makena"
        " Ngozi Olumide Penda Sade Thandi Uche Zola",
        "Abubakar Banda Chukwu Diallo Eze Fofana Gathogo Hamisi Ibekwe Juma Kamau Lungu"
        " Mensah Nkosi Okonjo Phiri Sesay Tembo Umeh Wanjiru",
    ),
    "near east": (
        "Adnan Bahar Cem Dilara Emre Farah Gamal Hadiya Ismail Jamila Kerem Layla Mehmet"
        " Nawal Omar Rana Samir Tuba Yusuf Zeynep",
        "Aksoy Barakat Celik Darwish Erdem Farouk Ghanem Haddad Ilgaz Jaber Karaca Mansour"
        " Nasser Ozturk Qasim Rahal Sabbagh Toprak Yildiz Zidan",
    ),
}  # fmt: skip
GROUPS = {region: (first.split(), last.split()) for region, (first, last) in NAMES.items()}

#: Title, department, part in a decision, and how much their word counts in spending money.
TITLES = (
    ("Operations Manager", "Operations", "Champion", 0.10),
    ("Head of Operations", "Operations", "DecisionMaker", 0.18),
    ("Chief Operating Officer", "Management", "DecisionMaker", 0.24),
    ("Managing Director", "Management", "DecisionMaker", 0.22),
    ("Site Manager", "Operations", "User", 0.00),
    ("Warehouse Manager", "Logistics", "Champion", 0.06),
    ("Fleet Coordinator", "Logistics", "User", -0.04),
    ("IT Manager", "IT", "Influencer", 0.04),
    ("Head of IT", "IT", "DecisionMaker", 0.12),
    ("HR Manager", "Human Resources", "Influencer", 0.02),
    ("Finance Director", "Finance", "DecisionMaker", 0.14),
    ("Purchasing Manager", "Purchasing", "Blocker", -0.02),
    ("Shift Planner", "Operations", "User", -0.06),
    ("Project Manager", "Operations", "Influencer", 0.00),
    ("Assistant to the Management", "Management", "Influencer", -0.10),
)
TITLE_WEIGHTS = (16, 12, 7, 8, 8, 9, 6, 8, 5, 6, 5, 4, 6, 6, 3)


def name(rng: Random, region: str) -> tuple[str, str]:
    """Returns a first and a last name, mostly of `region`."""
    if rng.random() < 0.22:
        region = rng.choice(list(GROUPS))
    first, last = GROUPS[region]
    return rng.choice(first), rng.choice(last)


def title(rng: Random) -> tuple[str, str, str, float]:
    return rng.choices(TITLES, TITLE_WEIGHTS)[0]
