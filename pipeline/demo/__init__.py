"""`make demo`: real input, Airflow's real scheduler, one release at the end."""
